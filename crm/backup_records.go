package crm

import (
	"context"
	"fmt"
	"io"
)

// putRecords writes records of one group, exactly as they were.
func putRecords(ctx context.Context, tx Tx, g group, held []backupRecord) error {
	switch g.kind {
	case "workspace":
		for _, d := range held {
			if err := tx.PutWorkspace(ctx, *d.Space, 0); err != nil {
				return err
			}
		}
		return nil
	case "tag":
		return tx.AddTagCounts(ctx, g.ws, recordsOf(held, func(d backupRecord) TagDelta {
			return TagDelta{Key: d.Tag.Key, Name: d.Tag.Name, Delta: d.Tag.Count}
		}))
	case "contact":
		return tx.PutContacts(ctx, g.ws, recordsOf(held, func(d backupRecord) ContactWrite { return NewContactWrite(*d.Contact, 0) }))
	case "interaction":
		return tx.PutInteractions(ctx, g.ws, recordsOf(held, func(d backupRecord) InteractionWrite { return NewInteractionWrite(*d.Interaction, 0) }))
	case "image":
		return tx.PutImages(ctx, g.ws, recordsOf(held, func(d backupRecord) Image { return *d.Image }))
	case "import":
		for _, d := range held {
			if err := tx.PutImport(ctx, g.ws, *d.Import, 0); err != nil {
				return err
			}
		}
		return nil
	case "row":
		return tx.PutImportRows(ctx, g.ws, g.of, recordsOf(held, func(d backupRecord) ImportRow { return d.Row.ImportRow }))
	case "print":
		return tx.PutFingerprints(ctx, g.ws, recordsOf(held, func(d backupRecord) FingerprintMark {
			return FingerprintMark{Fingerprint: Fingerprint(d.Print.Print), Contact: d.Print.Contact, Batch: d.Print.Batch}
		}))
	case "job":
		for _, d := range held {
			if err := tx.PutJob(ctx, g.ws, *d.Job, 0); err != nil {
				return err
			}
		}
		return nil
	case "event":
		return tx.AppendEvents(ctx, g.ws, recordsOf(held, func(d backupRecord) Event { return *d.Event }))
	}
	return fmt.Errorf("a kind of record that this version does not know: %w", ErrInvalid)
}

func recordsOf[T any](held []backupRecord, of func(backupRecord) T) []T {
	all := make([]T, len(held))
	for i, d := range held {
		all[i] = of(d)
	}
	return all
}

// blobPieces reads a file from its pieces.
type blobPieces struct {
	in     *backupReader
	now    backupRecord
	report *BackupReport
}

// Read implements io.Reader.
func (p *blobPieces) Read(b []byte) (int, error) {
	for len(p.now.Blob.Data) == 0 {
		if p.now.Blob.Last {
			return 0, io.EOF
		}
		id := p.now.Blob.ID
		more, err := p.in.next(&p.now)
		if err != nil {
			return 0, err
		}
		if !more || p.now.Blob == nil || p.now.Blob.ID != id {
			return 0, errDamaged
		}
		p.report.count(&p.now)
	}
	n := copy(b, p.now.Blob.Data)
	p.now.Blob.Data = p.now.Blob.Data[n:]
	return n, nil
}
