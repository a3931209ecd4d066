// Package sqlite is the embedded store: contacts, events, jobs and blobs in
// one SQLite file, without CGO and without a server.
//
//	store, err := sqlite.Open(ctx, "crm.db")
//	defer store.Close()
//
// One goroutine owns the only writing connection. Transactions that wait at
// the same moment share one commit, each in a savepoint of its own, so that a
// commit that is flushed to the disk costs many callers one flush. Readers
// have connections of their own and never wait for the writer (write-ahead
// log). Other processes may open the same file; see [Store.InTx] and
// [Options.BusyTimeout].
package sqlite
