// Package fakedata makes believable people by seed: for the demo, the
// benchmarks and the tests. The same seed gives the same people in the same
// order on every machine. Nobody in it exists: mail domains are reserved by RFC
// 2606, and phone numbers are drawn at random from the ranges of each country
// so that parsers accept them; nothing may ever call or write to them.
//
// Its own generator draws the people. go-faker fills test fixtures, and takes
// its people from here by [Generator.Provider]: on its own it knows only names
// of the United States, and it can be seeded only through a source global to
// the process, which a library must not touch.
package fakedata
