package postgres

import (
	"encoding/json"

	"github.com/omnicrm/omnicrm/crm"
)

// importDoc is the part of an import that nothing looks for, as JSON. Times
// are microseconds, as everywhere in the database.
type importDoc struct {
	ID          crm.ID             `json:"id"`
	Format      string             `json:"format"`
	FileName    string             `json:"fileName"`
	Size        int64              `json:"size"`
	Digest      string             `json:"digest"`
	Encoding    string             `json:"encoding,omitempty"`
	Mapping     []crm.ImportColumn `json:"mapping,omitempty"`
	OnDuplicate crm.OnDuplicate    `json:"onDuplicate"`
	Counts      crm.ImportCounts   `json:"counts"`
	Blob        crm.ID             `json:"blob"`
	JobID       crm.ID             `json:"jobId"`
	Checkpoint  int64              `json:"checkpoint"`
	ErrorText   string             `json:"errorText,omitempty"`
	KeptEdited  int64              `json:"keptEdited"`
	Actor       crm.JobActor       `json:"actor"`
	CreatedAt   int64              `json:"createdAt"`
	UpdatedAt   int64              `json:"updatedAt"`
}

func encodeImport(i crm.Import) (string, error) {
	b, err := json.Marshal(importDoc{
		ID: i.ID, Format: i.Format, FileName: i.FileName, Size: i.Size, Digest: i.Digest, Encoding: i.Encoding, Mapping: i.Mapping, OnDuplicate: i.OnDuplicate,
		Counts: i.Counts, Blob: i.Blob, JobID: i.JobID, Checkpoint: i.Checkpoint, ErrorText: i.ErrorText,
		KeptEdited: i.KeptEdited, Actor: i.Actor, CreatedAt: crm.Micros(i.CreatedAt), UpdatedAt: crm.Micros(i.UpdatedAt),
	})
	return string(b), err
}

func decodeImport(doc string, i *crm.Import) error {
	var d importDoc
	if err := json.Unmarshal([]byte(doc), &d); err != nil {
		return err
	}
	*i = crm.Import{
		ID: d.ID, Format: d.Format, FileName: d.FileName, Size: d.Size, Digest: d.Digest, Encoding: d.Encoding, Status: i.Status, Mapping: d.Mapping, OnDuplicate: d.OnDuplicate,
		Counts: d.Counts, Blob: d.Blob, JobID: d.JobID, Checkpoint: d.Checkpoint, ErrorText: d.ErrorText,
		KeptEdited: d.KeptEdited, Actor: d.Actor, CreatedAt: crm.FromMicros(d.CreatedAt), UpdatedAt: crm.FromMicros(d.UpdatedAt),
		Version: i.Version,
	}
	return nil
}
