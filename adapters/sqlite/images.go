package sqlite

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
	err := t.insert(ctx, bulk{into: "contact_images (ws, version, batch, at, contact, before, after, row)", columns: 8, alike: 4}, len(images),
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
			return append(args, numbered(ws), image.Version, optionalBlob(image.Batch), crm.Micros(image.At), blob(image.Contact), before, after, image.Row), nil
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
	return string(doc), err
}

// ListImages implements [crm.ImageStore].
func (r reads) ListImages(ctx context.Context, ws crm.WorkspaceID, batch, after crm.ID, limit int) ([]crm.Image, error) {
	images, err := list(ctx, r, scanImage, fixed(imagesText+"contact > ? ORDER BY contact, seq LIMIT ?"),
		numbered(ws), optionalBlob(batch), blob(after), limit)
	if err == nil && len(images) > 0 && len(images) >= limit {
		images, err = r.completeLast(ctx, ws, batch, images)
	}
	if err != nil {
		return nil, fmt.Errorf("list images: %w", err)
	}
	return images, nil
}

const imagesText = `SELECT contact, version, batch, at, before, after, row FROM contact_images INDEXED BY contact_images_by_batch
	WHERE ws = ? AND batch = ? AND `

// completeLast reads all images of the last contact of a page, of which the
// limit may have cut some off.
func (r reads) completeLast(ctx context.Context, ws crm.WorkspaceID, batch crm.ID, images []crm.Image) ([]crm.Image, error) {
	last := images[len(images)-1].Contact
	whole, err := list(ctx, r, scanImage, fixed(imagesText+"contact = ? ORDER BY seq"), numbered(ws), optionalBlob(batch), blob(last))
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
	n, err := t.forEach(ctx, "DELETE FROM contact_images WHERE ws = ? AND contact IN %s", ws, blobs(contacts))
	if err != nil {
		return fmt.Errorf("delete images: %w", err)
	}
	t.erased = t.erased || n > 0
	return nil
}

// PurgeImages implements [crm.SystemStore].
func (s *Store) PurgeImages(ctx context.Context, before time.Time, limit int) (int, error) {
	n, err := inTxValue(ctx, s, func(t *tx) (int64, error) {
		return t.change(ctx, fixed(`DELETE FROM contact_images WHERE seq IN
			(SELECT seq FROM contact_images INDEXED BY contact_images_by_time WHERE at < ? ORDER BY at LIMIT ?)`), crm.Micros(before), limit)
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
