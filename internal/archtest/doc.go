// Package archtest holds the architecture's import rules, and a few more that a
// reader of the code relies on, as a test over the module's source. A new
// package fails it until it has a row in the table: the row is where its place
// is decided.
package archtest
