package sqlite

import (
	"context"
	"sync"

	"github.com/omnicrm/omnicrm/crm"
)

// numbered is a workspace among the arguments of a statement, where the table
// holds its number (column ws). Sessions put the number in its place.
type numbered crm.WorkspaceID

// noNumber stands for a workspace that nobody has written to: no row has it.
const noNumber int64 = 0

// numbers are those that workspaces were given. A number never changes, so
// that what was once seen committed stays right, whichever process gave it.
// Safe for parallel use.
type numbers struct {
	mu    sync.RWMutex
	known map[crm.WorkspaceID]int64
}

func newNumbers() *numbers { return &numbers{known: map[crm.WorkspaceID]int64{}} }

func (n *numbers) get(ws crm.WorkspaceID) int64 {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.known[ws]
}

// keep notes a number that is committed.
func (n *numbers) keep(ws crm.WorkspaceID, number int64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.known[ws] = number
}

const numberText = "SELECT ws FROM workspace_numbers WHERE id = ?"

// numberOf returns the number of a workspace. What a pool reads is committed.
func (p *pool) numberOf(ctx context.Context, ws crm.WorkspaceID) (int64, error) {
	if known := p.numbers.get(ws); known != noNumber {
		return known, nil
	}
	found, ok, err := one(ctx, p, number, fixed(numberText), blob(ws))
	if ok && err == nil {
		p.numbers.keep(ws, found)
	}
	return found, err
}

// numberOf returns the number of a workspace. What the group at hand gave may be
// rolled back.
func (t *tx) numberOf(ctx context.Context, ws crm.WorkspaceID) (int64, error) {
	if known := t.conn.numbers.get(ws); known != noNumber {
		return known, nil
	}
	found, ok, err := one(ctx, t, number, fixed(numberText), blob(ws))
	if ok && err == nil && !t.conn.gaveNumber {
		t.conn.numbers.keep(ws, found)
	}
	return found, err
}

// giveNumber is numberOf for a workspace that is about to be written to.
func (t *tx) giveNumber(ctx context.Context, ws crm.WorkspaceID) (int64, error) {
	found, err := t.numberOf(ctx, ws)
	if found != noNumber || err != nil {
		return found, err
	}
	t.conn.gaveNumber = true
	given, _, err := one(ctx, t, number, fixed("INSERT INTO workspace_numbers (id) VALUES (?) RETURNING ws"), blob(ws))
	return given, err
}

// withNumbers puts numbers in the place of workspaces. In the rows of one
// statement the workspace is nearly always the same.
func withNumbers(ctx context.Context, args []any, find func(context.Context, crm.WorkspaceID) (int64, error)) error {
	var last numbered
	var found any
	for i, arg := range args {
		ws, ok := arg.(numbered)
		if !ok {
			continue
		}
		if found == nil || ws != last {
			number, err := find(ctx, crm.WorkspaceID(ws))
			if err != nil {
				return err
			}
			last, found = ws, number
		}
		args[i] = found
	}
	return nil
}
