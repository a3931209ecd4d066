package crmtest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

func testImages(t *testing.T, open func(testing.TB) crm.Store) {
	runTests(t, open, []storeTest{
		{"an image comes back exactly, contact and all", testImageFields},
		{"images are listed by contact, then as they were written", func(f *fixture) {
			f.putImages(3, 1, 2, 3, 1)
			f.putImages(1, 3)
			f.wantImages(crm.ID{}, 100, "1.2 1.5 1.6 2.3 3.1 3.4 3.7")
		}},
		{"a page ends with the last image of its last contact", func(f *fixture) {
			f.putImages(2, 1, 2, 1, 1, 3, 4, 3)
			f.wantImages(crm.ID{}, 1, "1.2 1.4 1.5")
			f.wantImages(crm.ID{}, 2, "1.2 1.4 1.5")
			f.wantImages(crm.ID{}, 3, "1.2 1.4 1.5")
			f.wantImages(crm.ID{}, 4, "1.2 1.4 1.5 2.1 2.3")
			f.wantImages(f.id(1), 3, "2.1 2.3 3.6 3.8")
			f.wantImages(f.id(3), 9, "4.7")
			f.wantImages(f.id(4), 9, "")
		}},
		{"only the images of the batch are listed", func(f *fixture) {
			f.putImages(1, 2)
			other := f.image(1, 9)
			other.Batch = f.id(501)
			none := f.image(1, 10)
			none.Batch = crm.ID{}
			f.ok("PutImages", f.s.PutImages(f.Context(), f.ws, []crm.Image{other, none}))
			f.wantImages(crm.ID{}, 9, "1.1 2.2")
		}},
		{"deleting removes every image of the contacts, of any batch", func(f *fixture) {
			f.putImages(1, 2, 3, 1)
			other := f.image(1, 9)
			other.Batch = f.id(501)
			f.ok("PutImages", f.s.PutImages(f.Context(), f.ws, []crm.Image{other}))
			f.ok("DeleteImages", f.s.DeleteImages(f.Context(), f.ws, f.ids(1, 3, 77)))
			f.wantImages(crm.ID{}, 9, "2.2")
			left, err := f.s.ListImages(f.Context(), f.ws, f.id(501), crm.ID{}, 9)
			f.ok("ListImages", err)
			if len(left) != 0 {
				f.Errorf("ListImages of the other batch: got %d images, want none", len(left))
			}
		}},
		{"images outlive their contact until they are deleted", func(f *fixture) {
			f.create(f.contact(1))
			f.putImages(1)
			f.erase(f.id(1))
			f.wantImages(crm.ID{}, 9, "1.1")
		}},
	})
}

// imageBatch is the batch of the images that putImages writes.
const imageBatch = 500

func (f *fixture) image(contact, version int) crm.Image {
	before := f.contact(contact)
	return crm.Image{Contact: f.id(contact), Version: int64(version), Batch: f.id(imageBatch), At: day(), Before: &before}
}

// putImages writes an image of each contact in one call; versions count on
// from the number of images that are there.
func (f *fixture) putImages(contacts ...int) {
	f.Helper()
	there, err := f.s.ListImages(f.Context(), f.ws, f.id(imageBatch), crm.ID{}, 1_000)
	f.ok("ListImages", err)
	images := make([]crm.Image, len(contacts))
	for i, n := range contacts {
		images[i] = f.image(n, len(there)+i+1)
	}
	f.ok("PutImages", f.s.PutImages(f.Context(), f.ws, images))
}

// wantImages checks a page of the batch, each image as "contact.version".
func (f *fixture) wantImages(after crm.ID, limit int, want string) {
	f.Helper()
	images, err := f.s.ListImages(f.Context(), f.ws, f.id(imageBatch), after, limit)
	f.ok("ListImages", err)
	found := make([]string, len(images))
	for i, image := range images {
		found[i] = fmt.Sprintf("%d.%d", numbersOf([]crm.ID{image.Contact})[0], image.Version)
	}
	if got := strings.Join(found, " "); got != want {
		f.Errorf("ListImages, limit %d: got %q, want %q", limit, got, want)
	}
}

func testImageFields(f *fixture) {
	full, other := fullContact(f.ws, 1), f.contact(1)
	want := []crm.Image{
		{Contact: f.id(1), Version: 4, Batch: f.id(imageBatch), Row: 1 << 34, At: day(), Before: &other, After: &full},
		{Contact: f.id(1), Version: 5, Batch: f.id(imageBatch), At: day().Add(time.Second), Before: &full},
		{Contact: f.id(1), Version: 6, Batch: f.id(imageBatch), At: longAgo()},
		{Contact: f.id(2), Version: 1, Batch: f.id(imageBatch), At: day(), After: &other},
	}
	f.ok("PutImages", f.s.PutImages(f.Context(), f.ws, slices.Clone(want)))
	got, err := f.s.ListImages(f.Context(), f.ws, f.id(imageBatch), crm.ID{}, 10)
	f.ok("ListImages", err)
	if d := diff(got, want, true); d != "" {
		f.Errorf("ListImages: %s", d)
	}
}
