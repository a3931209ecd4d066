-- +goose Up
-- Which record of an import wrote an image, so that an undo can name the rows
-- whose contacts it leaves.

ALTER TABLE contact_images ADD COLUMN row INTEGER NOT NULL DEFAULT 0; -- 0 for none
