package fakedata_test

import (
	"testing"

	"github.com/go-faker/faker/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/omnicrm/omnicrm/internal/fakedata"
)

func TestProviderGivesGoFakerItsPeople(t *testing.T) {
	t.Parallel()
	var fixture struct {
		Buyer    fakedata.Person
		Seller   fakedata.Person
		Remark   string `faker:"sentence"`
		Priority int    `faker:"oneof: 1, 2, 3"`
	}
	if err := faker.FakeData(&fixture, fakedata.New(5).Provider()); err != nil {
		t.Fatal(err)
	}
	want := people(5, 2)
	if got := []fakedata.Person{fixture.Buyer, fixture.Seller}; !cmp.Equal(got, want) {
		t.Errorf("people of the fixture: got %+v, want %+v", got, want)
	}
	if fixture.Remark == "" || fixture.Priority < 1 || fixture.Priority > 3 {
		t.Errorf("what go-faker filled: got %q and %d", fixture.Remark, fixture.Priority)
	}
}
