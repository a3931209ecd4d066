// Package postgres keeps a CRM in PostgreSQL 14 or newer, for any number of
// servers and workers at once. Its files have the names of those of package
// sqlite and do the same in the same order, so that the two can be read side by
// side; what differs is what Postgres can and SQLite cannot: many writers.
//
// Transactions are READ COMMITTED. What a transaction reads by id to change it
// is locked as it is read, what it writes names the version it expects, and
// unique keys settle who comes first; a transaction that loses such a race, or a
// deadlock, runs again. Those of identity, which are few, are SERIALIZABLE.
// Totals and positions of events, which would make all
// writers wait for one row, are worked out after the commit, see log. Rows that
// nobody asks about before the end are written by its one statement, see waiting.
package postgres
