package crmtest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

// blobTest is one test on a workspace of its own.
type blobTest struct {
	name string
	run  func(f *blobFixture)
}

type blobFixture struct {
	*testing.T
	b  crm.Blobs
	ws crm.WorkspaceID
}

// TestBlobs checks that an adapter keeps the contract of [crm.Blobs]. open
// returns a new, empty one.
func TestBlobs(t *testing.T, open func(testing.TB) crm.Blobs) {
	t.Helper()
	b := open(t)
	for _, test := range []blobTest{
		{"a blob of any size comes back whole", testBlobSizes},
		{"a blob is read from any offset on", testBlobOffsets},
		{"an absent blob is not found", func(f *blobFixture) {
			_, err := f.b.OpenBlob(f.Context(), f.ws, recordID(f.ws, 1), 0)
			wantNotFound(f.T, "OpenBlob", err)
		}},
		{"an id that is taken is refused and stays", func(f *blobFixture) {
			f.put(1, []byte("first"))
			_, err := f.b.PutBlob(f.Context(), f.ws, recordID(f.ws, 1), bytes.NewReader(bytes.Repeat([]byte("second"), 200_000)))
			wantConflict(f.T, "PutBlob of an id that is taken", err, crm.ConflictExists)
			f.wantBlob(1, []byte("first"))
		}},
		{"a failing reader leaves nothing", testBlobFails},
		{"a blob is not seen before it is whole", testBlobHalf},
		{"deleting removes a blob, twice is nothing", func(f *blobFixture) {
			f.put(1, pattern(700_000))
			f.put(2, []byte("other"))
			for range 2 {
				if err := f.b.DeleteBlob(f.Context(), f.ws, recordID(f.ws, 1)); err != nil {
					f.Fatalf("DeleteBlob: %v", err)
				}
				_, err := f.b.OpenBlob(f.Context(), f.ws, recordID(f.ws, 1), 0)
				wantNotFound(f.T, "OpenBlob of a deleted blob", err)
			}
			f.wantBlob(2, []byte("other"))
			f.put(1, []byte("again"))
			f.wantBlob(1, []byte("again"))
		}},
		{"another workspace neither sees nor changes a blob", testBlobTenancy},
		{"blobs are listed by id, of one age, a page at a time", testBlobList},
		{"blobs are written and read in parallel", testBlobsParallel},
		{"of parallel writers of one id one wins", testBlobRace},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(&blobFixture{T: t, b: b, ws: workspaceNamed(t.Name())})
		})
	}
}

// pattern returns bytes, all values among them, in which no two places within
// a megabyte look alike.
func pattern(n int) []byte {
	b := make([]byte, n)
	state := uint32(2_463_534_242)
	for i := range b {
		state ^= state << 13
		state ^= state >> 17
		state ^= state << 5
		b[i] = byte(state & 0xff)
	}
	return b
}

func (f *blobFixture) put(n int, content []byte) {
	f.Helper()
	// A reader that yields a byte more than half of what is asked for, so that
	// no chunk ends where a read does.
	size, err := f.b.PutBlob(f.Context(), f.ws, recordID(f.ws, n), iotest.HalfReader(bytes.NewReader(content)))
	if err != nil {
		f.Fatalf("PutBlob: %v", err)
	}
	if size != int64(len(content)) {
		f.Errorf("PutBlob: got size %d, want %d", size, len(content))
	}
}

func (f *blobFixture) wantBlob(n int, want []byte) {
	f.Helper()
	got, err := f.read(n, 0)
	if err != nil {
		f.Fatalf("reading the blob: %v", err)
	}
	if !bytes.Equal(got, want) {
		f.Errorf("the blob: got %d bytes, want the %d bytes that were put", len(got), len(want))
	}
}

// read returns everything from the offset on.
func (f *blobFixture) read(n int, offset int64) ([]byte, error) {
	r, err := f.b.OpenBlob(f.Context(), f.ws, recordID(f.ws, n), offset)
	if err != nil {
		return nil, err
	}
	got, err := io.ReadAll(r)
	return got, errors.Join(err, r.Close())
}

func testBlobSizes(f *blobFixture) {
	for n, size := range []int{0, 1, 1_000, 1<<16 - 1, 1 << 16, 1 << 18, 1<<18 + 1, 1 << 20, 3<<20 + 7} {
		content := pattern(size)
		f.put(n, content)
		f.wantBlob(n, content)
	}
}

func testBlobOffsets(f *blobFixture) {
	content := pattern(1<<20 + 100)
	f.put(1, content)
	for _, offset := range []int{0, 1, 1<<16 - 1, 1 << 16, 1<<18 - 1, 1 << 18, 1<<18 + 1, 1 << 19, 1<<20 + 99, 1<<20 + 100} {
		got, err := f.read(1, int64(offset))
		if err != nil {
			f.Fatalf("OpenBlob at %d: %v", offset, err)
		}
		if !bytes.Equal(got, content[offset:]) {
			f.Errorf("OpenBlob at %d: got %d bytes, want the last %d", offset, len(got), len(content)-offset)
		}
	}
	r, err := f.b.OpenBlob(f.Context(), f.ws, recordID(f.ws, 1), 5)
	if err != nil {
		f.Fatalf("OpenBlob: %v", err)
	}
	head := make([]byte, 10)
	if _, err := io.ReadFull(r, head); err != nil || !bytes.Equal(head, content[5:15]) {
		f.Errorf("the first ten bytes at 5: got %x and error %v, want %x", head, err, content[5:15])
	}
	if err := r.Close(); err != nil {
		f.Errorf("Close of a reader that was not read to its end: %v", err)
	}
}

func testBlobFails(f *blobFixture) {
	broken := errors.New("the upload broke")
	for n, size := range []int{0, 10, 300_000, 1 << 20} {
		id := recordID(f.ws, n)
		r := io.MultiReader(bytes.NewReader(pattern(size)), iotest.ErrReader(broken))
		if _, err := f.b.PutBlob(f.Context(), f.ws, id, r); !errors.Is(err, broken) {
			f.Errorf("PutBlob: got error %v, want the reader's", err)
		}
		_, err := f.b.OpenBlob(f.Context(), f.ws, id, 0)
		wantNotFound(f.T, "OpenBlob after a failed upload", err)
		f.put(n, []byte("whole now"))
		f.wantBlob(n, []byte("whole now"))
	}
}

// lookingReader calls look before its last bytes.
type lookingReader struct {
	io.Reader
	look func()
}

func (r *lookingReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if errors.Is(err, io.EOF) && r.look != nil {
		r.look()
		r.look = nil
	}
	return n, err
}

func testBlobHalf(f *blobFixture) {
	content := pattern(2 << 20)
	looked := false
	r := &lookingReader{Reader: bytes.NewReader(content), look: func() {
		looked = true
		_, err := f.b.OpenBlob(f.Context(), f.ws, recordID(f.ws, 1), 0)
		wantNotFound(f.T, "OpenBlob while the blob is being written", err)
	}}
	if _, err := f.b.PutBlob(f.Context(), f.ws, recordID(f.ws, 1), r); err != nil {
		f.Fatalf("PutBlob: %v", err)
	}
	if !looked {
		f.Error("PutBlob did not read to the end")
	}
	f.wantBlob(1, content)
}

func testBlobTenancy(f *blobFixture) {
	elsewhere := workspaceNamed(f.Name() + " other")
	id := recordID(f.ws, 1)
	f.put(1, []byte("mine"))
	_, err := f.b.OpenBlob(f.Context(), elsewhere, id, 0)
	wantNotFound(f.T, "OpenBlob from another workspace", err)
	if err := f.b.DeleteBlob(f.Context(), elsewhere, id); err != nil {
		f.Errorf("DeleteBlob from another workspace: %v", err)
	}
	f.wantBlob(1, []byte("mine"))
	// The same id is free there: that it is taken here must not show.
	if _, err := f.b.PutBlob(f.Context(), elsewhere, id, bytes.NewReader([]byte("theirs"))); err != nil {
		f.Errorf("PutBlob of an id that another workspace has: %v", err)
	}
	f.wantBlob(1, []byte("mine"))
	if err := f.b.DeleteBlob(f.Context(), elsewhere, id); err != nil {
		f.Errorf("DeleteBlob: %v", err)
	}
	f.wantBlob(1, []byte("mine"))
}

func testBlobList(f *blobFixture) {
	earlier := time.Now().Add(-time.Hour)
	for _, n := range []int{3, 1, 4, 2} {
		f.put(n, pattern(n*100_000))
	}
	elsewhere := workspaceNamed(f.Name() + " elsewhere")
	if _, err := f.b.PutBlob(f.Context(), elsewhere, recordID(f.ws, 9), bytes.NewReader(pattern(10))); err != nil {
		f.Fatalf("PutBlob: %v", err)
	}
	if err := f.b.DeleteBlob(f.Context(), f.ws, recordID(f.ws, 4)); err != nil {
		f.Fatalf("DeleteBlob: %v", err)
	}
	later := time.Now().Add(time.Hour)
	for _, c := range []struct {
		before time.Time
		after  crm.ID
		limit  int
		want   []int
	}{
		{later, crm.ID{}, 10, []int{1, 2, 3}},
		{later, crm.ID{}, 2, []int{1, 2}},
		{later, recordID(f.ws, 2), 10, []int{3}},
		{later, recordID(f.ws, 3), 10, nil},
		{earlier, crm.ID{}, 10, nil},
	} {
		got, err := f.b.ListBlobs(f.Context(), f.ws, c.before, c.after, c.limit)
		if err != nil {
			f.Fatalf("ListBlobs: %v", err)
		}
		var want []crm.ID
		for _, n := range c.want {
			want = append(want, recordID(f.ws, n))
		}
		wantIDs(f.T, fmt.Sprintf("ListBlobs after %s, limit %d", c.after, c.limit), got, want)
	}
}

func testBlobsParallel(f *blobFixture) {
	var all sync.WaitGroup
	for n := range 8 {
		all.Go(func() {
			content := pattern(200_000 + n*50_000)
			_, err := f.b.PutBlob(f.Context(), f.ws, recordID(f.ws, n), bytes.NewReader(content))
			if err != nil {
				f.Errorf("PutBlob: %v", err)
				return
			}
			for range 3 {
				if got, err := f.read(n, int64(n)); err != nil || !bytes.Equal(got, content[n:]) {
					f.Errorf("blob %d: got %d bytes and error %v, want %d", n, len(got), err, len(content)-n)
				}
			}
		})
	}
	all.Wait()
}

func testBlobRace(f *blobFixture) {
	const writers = 6
	var all sync.WaitGroup
	errs := make([]error, writers)
	for i := range writers {
		all.Go(func() {
			content := bytes.Repeat([]byte(fmt.Sprint(i)), 400_000)
			_, errs[i] = f.b.PutBlob(f.Context(), f.ws, recordID(f.ws, 1), bytes.NewReader(content))
		})
	}
	all.Wait()
	winners := 0
	for i, err := range errs {
		if err != nil {
			wantConflict(f.T, "PutBlob beside others", err, crm.ConflictExists)
			continue
		}
		winners++
		f.wantBlob(1, bytes.Repeat([]byte(fmt.Sprint(i)), 400_000))
	}
	if winners != 1 {
		f.Errorf("%d of %d writers of one id won, want 1", winners, writers)
	}
}
