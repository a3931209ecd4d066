// Package sqlkit is what the SQL adapters share: the text of statements for
// several rows, the predicates of keyset pages, the compact form in which a
// contact's fields are stored, and the runner of numbered migrations. It knows
// no driver and holds no state.
package sqlkit
