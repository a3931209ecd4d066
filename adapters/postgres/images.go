package postgres

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/omnicrm/omnicrm/adapters/internal/sqlkit"
	"github.com/omnicrm/omnicrm/crm"
)

// PutImages implements [crm.ImageStore].
func (t *tx) PutImages(ctx context.Context, ws crm.WorkspaceID, images []crm.Image) error {
	err := t.insert(ctx, bulk{table: "contact_images", columns: []string{"workspace", "version", "batch", "at", "contact", "before", "after", "row"}}, len(images),
		func(args []any, i int) ([]any, error) {
			image := images[i]
			before, err := imageText(image.Before)
			if err != nil {
				return nil, err
			}
			after, err := imageText(image.After)
			if err != nil {
				return nil, err
			}
			return append(args, uuidOf(ws), image.Version, uuidOf(image.Batch), crm.Micros(image.At), uuidOf(image.Contact), before, after, image.Row), nil
		})
	if err != nil {
		return fmt.Errorf("put images: %w", err)
	}
	return nil
}

// imageText is the document of a contact, or NULL.
func imageText(c *crm.Contact) (any, error) {
	if c == nil {
		return nil, nil
	}
	doc, err := sqlkit.AppendContactImage(nil, *c)
	return cleanText(string(doc)), err
}

// ListImages implements [crm.ImageStore].
func (r reads) ListImages(ctx context.Context, ws crm.WorkspaceID, batch, after crm.ID, limit int) ([]crm.Image, error) {
	images, err := list(ctx, r, scanImage, fixed(imagesText+"contact > ? ORDER BY contact, seq LIMIT ?"),
		uuidOf(ws), uuidOf(batch), uuidOf(after), limit)
	if err == nil && len(images) > 0 && len(images) >= limit {
		images, err = r.completeLast(ctx, ws, batch, images)
	}
	if err != nil {
		return nil, fmt.Errorf("list images: %w", err)
	}
	return images, nil
}

const imagesText = `SELECT contact, version, batch, at, before, after, row FROM crm.contact_images
	WHERE workspace = ? AND batch = ? AND `

// completeLast reads all images of the last contact of a page, of which the
// limit may have cut some off.
func (r reads) completeLast(ctx context.Context, ws crm.WorkspaceID, batch crm.ID, images []crm.Image) ([]crm.Image, error) {
	last := images[len(images)-1].Contact
	whole, err := list(ctx, r, scanImage, fixed(imagesText+"contact = ? ORDER BY seq"), uuidOf(ws), uuidOf(batch), uuidOf(last))
	if err != nil {
		return nil, err
	}
	for len(images) > 0 && images[len(images)-1].Contact == last {
		images = images[:len(images)-1]
	}
	return append(images, whole...), nil
}

func scanImage(rows *sqlx.Rows) (image crm.Image, err error) {
	var before, after sql.NullString
	err = rows.Scan(scanID(&image.Contact), &image.Version, scanID(&image.Batch), scanTime(&image.At), &before, &after, &image.Row)
	if err != nil {
		return image, err
	}
	if image.Before, err = imageContact(before); err != nil {
		return image, err
	}
	image.After, err = imageContact(after)
	return image, err
}

func imageContact(doc sql.NullString) (*crm.Contact, error) {
	if !doc.Valid {
		return nil, nil //nolint:nilnil // No image is a value here.
	}
	var c crm.Contact
	if err := sqlkit.DecodeContactDoc(doc.String, &c); err != nil {
		return nil, err
	}
	return &c, nil
}

// DeleteImages implements [crm.ImageStore].
func (t *tx) DeleteImages(ctx context.Context, ws crm.WorkspaceID, contacts []crm.ID) error {
	_, err := t.exec(ctx, fixed("DELETE FROM crm.contact_images WHERE workspace = ? AND contact = ANY(?)"), uuidOf(ws), uuidsOf(contacts))
	if err != nil {
		return fmt.Errorf("delete images: %w", err)
	}
	return nil
}

// PurgeImages implements [crm.SystemStore].
func (s *Store) PurgeImages(ctx context.Context, before time.Time, limit int) (int, error) {
	n, err := inTxValue(ctx, s, func(t *tx) (int64, error) {
		return t.change(ctx, fixed(`DELETE FROM crm.contact_images WHERE seq = ANY(ARRAY(
			SELECT seq FROM crm.contact_images WHERE at < ? ORDER BY at LIMIT ? FOR UPDATE SKIP LOCKED))`), crm.Micros(before), limit)
	})
	if err != nil {
		return 0, fmt.Errorf("purge images: %w", err)
	}
	return int(n), nil
}

// PutImages implements [crm.ImageStore].
func (s *Store) PutImages(ctx context.Context, ws crm.WorkspaceID, images []crm.Image) error {
	return s.inTx(ctx, func(t *tx) error { return t.PutImages(ctx, ws, images) })
}

// DeleteImages implements [crm.ImageStore].
func (s *Store) DeleteImages(ctx context.Context, ws crm.WorkspaceID, contacts []crm.ID) error {
	return s.inTx(ctx, func(t *tx) error { return t.DeleteImages(ctx, ws, contacts) })
}
