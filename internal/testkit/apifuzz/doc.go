// Package apifuzz calls a running server in the ways that its own OpenAPI
// document describes, and in ways that it does not, and compares every answer
// with that document.
//
// Valid calls use what earlier answers taught: ids, versions, cursors, tokens,
// positions of the stream. Spoiled calls break one rule of a valid one. A case
// is drawn from the seed, its number and what earlier answers taught: another
// run with the same seed makes the same choices only as long as the server
// answers alike, and ids and times are the server's own. To repeat a finding
// use the curl line that tells it.
package apifuzz
