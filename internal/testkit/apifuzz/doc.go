// Package apifuzz calls a running server in the ways that its own OpenAPI
// document describes, and in ways that it does not, and compares every answer
// with that document.
//
// Valid calls use what earlier answers taught: ids, versions, cursors, tokens,
// positions of the stream. Spoiled calls break one rule of a valid one. A case
// is drawn from the seed and its number alone, so that a run with the same
// seed makes the same choices; ids and times are the server's own and differ.
package apifuzz
