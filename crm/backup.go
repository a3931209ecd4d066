package crm

import (
	"context"
	"encoding/json"
	"time"
)

// BackupPart is what another package keeps in the same database and wants in
// its backups, such as the users of package crm/identity.
type BackupPart interface {
	// PartName is stored in backups: never change it.
	PartName() string
	// InPartSnapshot is InSnapshot of [Snapshotter], with a reader of the part's
	// documents at the same moment.
	InPartSnapshot(ctx context.Context, fn func(view Snapshot, part PartReader) error) error
	// RestorePart writes documents that the part made, in their order, into a
	// database where their workspaces are. Those that an earlier call wrote stay
	// as they are: after a kill they come again.
	RestorePart(ctx context.Context, docs []PartDocument) error
}

// PartReader hands the documents of one workspace to emit, or with the zero
// workspace those of none, which come first.
type PartReader func(ctx context.Context, ws WorkspaceID, emit func(PartDocument) error) error

// PartDocument is one record of a part, in JSON of the part's own.
type PartDocument struct {
	Kind string `json:"kind"`
	// Workspace is zero for what belongs to none.
	Workspace WorkspaceID     `json:"-"`
	Doc       json.RawMessage `json:"doc"`
}

// BackupOptions says what [CRM.Backup] writes beside the CRM's own records.
type BackupOptions struct {
	// Part is kept beside them. Default: none.
	Part BackupPart
	// Progress is told now and then how many records are written. Default: nobody.
	Progress func(records int64)
}

// BackupReport is what a backup holds.
type BackupReport struct {
	ID           ID        `json:"backupId"`
	CreatedAt    time.Time `json:"createdAt"`
	Records      int64     `json:"records"`
	Workspaces   int64     `json:"workspaces"`
	Contacts     int64     `json:"contacts"`
	Interactions int64     `json:"interactions"`
	Events       int64     `json:"events"`
}

// count adds a record.
func (r *BackupReport) count(d *backupRecord) {
	r.Records++
	switch {
	case d.Space != nil:
		r.Workspaces++
	case d.Contact != nil:
		r.Contacts++
	case d.Interaction != nil:
		r.Interactions++
	case d.Event != nil:
		r.Events++
	}
}

// backupRecord is a line of a backup: the workspace, where there is one, and
// exactly one of the others. The domain's own types stand in it, so that any
// store can take it, under the names of their fields: whoever renames one of
// those raises backupFormat and reads the old name too.
type backupRecord struct {
	Workspace   WorkspaceID   `json:"ws,omitzero"`
	Header      *backupHeader `json:"header,omitempty"`
	Space       *Workspace    `json:"workspace,omitempty"`
	Part        *PartDocument `json:"part,omitempty"`
	Tag         *Tag          `json:"tag,omitempty"`
	Contact     *Contact      `json:"contact,omitempty"`
	Interaction *Interaction  `json:"interaction,omitempty"`
	Image       *Image        `json:"image,omitempty"`
	Import      *Import       `json:"import,omitempty"`
	Row         *backupRow    `json:"row,omitempty"`
	Print       *backupPrint  `json:"print,omitempty"`
	Job         *Job          `json:"job,omitempty"`
	Event       *Event        `json:"event,omitempty"`
	Blob        *backupBlob   `json:"blob,omitempty"`
	End         *backupEnd    `json:"end,omitempty"`
}

// backupHeader is the first line.
type backupHeader struct {
	ID        ID        `json:"id"`
	CreatedAt time.Time `json:"createdAt"`
	// Program is the version that wrote it.
	Program string `json:"program"`
	// Part names what is in it beside the CRM's own records, "" for nothing.
	Part string `json:"part,omitempty"`
}

// backupEnd is the last line: what there was before it.
type backupEnd struct {
	Records int64 `json:"records"`
	// SHA256 is of every byte before the line, in hexadecimal.
	SHA256 string `json:"sha256"`
}

// backupRow is a row of an import.
type backupRow struct {
	Import ID `json:"import"`
	ImportRow
}

// backupPrint is a [FingerprintMark].
type backupPrint struct {
	Print   ID `json:"print"` // Its 16 bytes.
	Contact ID `json:"contact"`
	Batch   ID `json:"batch,omitzero"`
}

// backupBlob is a piece of a file. The pieces of a file follow one another.
type backupBlob struct {
	ID   ID     `json:"id"`
	Data []byte `json:"data"`
	Last bool   `json:"last,omitempty"`
}
