package crm

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"
)

// Series names a number of records by time, kept so that no chart counts them.
type Series uint8

// The series. The numbers are stored: never change them.
const (
	// SeriesContacts counts the live contacts by the time they were created.
	SeriesContacts Series = 1
	// SeriesInteractions counts the interactions by the time they took place.
	SeriesInteractions Series = 2
)

// AllSeries lists the series.
func AllSeries() []Series { return []Series{SeriesContacts, SeriesInteractions} }

// SeriesSlot is how finely a series is kept: the offset of every time zone in
// use is a multiple of it, so that days, weeks and months of any zone are made of
// whole slots. (The IANA database has other offsets only before 1973.)
const SeriesSlot = 15 * time.Minute

// SlotOf returns the number of the slot that a time is in, counted from 1970.
func SlotOf(t time.Time) int64 {
	width := int64(SeriesSlot / time.Microsecond)
	micros := t.UnixMicro()
	slot := micros / width
	if micros%width < 0 {
		slot--
	}
	return slot
}

// SlotTime returns when a slot begins, in UTC.
func SlotTime(slot int64) time.Time {
	return time.UnixMicro(slot * int64(SeriesSlot/time.Microsecond)).UTC()
}

// SeriesDelta changes a series by the records of one transaction.
type SeriesDelta struct {
	Series Series
	Slot   int64
	Delta  int
}

// SeriesCount is the number of records in one slot.
type SeriesCount struct {
	Slot  int64
	Count int
}

// SeriesStore keeps series.
type SeriesStore interface {
	// AddToSeries adds the deltas. No two writers may have to wait for each
	// other because of a slot alone where the database can avoid it.
	AddToSeries(ctx context.Context, ws WorkspaceID, deltas []SeriesDelta) error
	// ReadSeries returns the slots from <= slot < to whose count is not 0, in
	// their order.
	ReadSeries(ctx context.Context, ws WorkspaceID, s Series, from, to int64) ([]SeriesCount, error)
}

// seriesCounter sums what a transaction does to the series.
type seriesCounter map[SeriesDelta]int

func (c seriesCounter) add(s Series, at time.Time, sign int) {
	c[SeriesDelta{Series: s, Slot: SlotOf(at)}] += sign
}

func (c seriesCounter) contact(contact *Contact, sign int) {
	if contact != nil && !contact.InTrash() {
		c.add(SeriesContacts, contact.CreatedAt, sign)
	}
}

func (c seriesCounter) interaction(i *Interaction, sign int) {
	if i != nil {
		c.add(SeriesInteractions, i.OccurredAt, sign)
	}
}

// write adds what does not cancel out.
func (c seriesCounter) write(ctx context.Context, tx seriesTx, ws WorkspaceID) error {
	deltas := c.deltas()
	if len(deltas) == 0 {
		return nil
	}
	if err := tx.AddToSeries(ctx, ws, deltas); err != nil {
		return fmt.Errorf("add to series: %w", err)
	}
	return nil
}

type seriesTx interface {
	AddToSeries(ctx context.Context, ws WorkspaceID, deltas []SeriesDelta) error
}

// deltas returns what does not cancel out, in a fixed order, so that two
// transactions never lock the same slots in different orders.
func (c seriesCounter) deltas() []SeriesDelta {
	var out []SeriesDelta
	for d, n := range c {
		if d.Delta = n; n != 0 {
			out = append(out, d)
		}
	}
	slices.SortFunc(out, func(a, b SeriesDelta) int {
		return cmp.Or(cmp.Compare(a.Series, b.Series), cmp.Compare(a.Slot, b.Slot))
	})
	return out
}
