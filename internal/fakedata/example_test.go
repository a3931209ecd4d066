package fakedata_test

import (
	"fmt"

	"github.com/omnicrm/omnicrm/internal/fakedata"
)

// The same seed gives the same people, whose names come in many scripts.
func ExampleGenerator() {
	g := fakedata.New(5)
	for range 6 {
		fmt.Println(g.Person().DisplayName)
	}
	// Output:
	// Matthias Fuchs
	// Helga Böhm
	// Ellie Jackson
	// 山下 ユリ
	// Χρήστος Φωτίου
	// John Winslow
}

// A duplicate is the same person as another source would have written them.
func ExampleGenerator_Duplicate() {
	g := fakedata.New(3)
	p := g.Person()
	twin := g.Duplicate(p)
	fmt.Println(p.DisplayName, p.Emails[0].Address)
	fmt.Println(twin.DisplayName, twin.Emails[0].Address)
	// Output:
	// Kemal Köse k.kose@erdogan-mobilya.example
	// Kemal öse k.kose@erdogan-mobilya.example
}
