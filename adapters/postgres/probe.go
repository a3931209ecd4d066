package postgres

import (
	"context"
	"fmt"
)

// ProbeWrite implements [crm.WriteProber]. It commits a change of one row, as
// any other write, which finds a server that has become a standby, and one whose
// disk is full when it flushes its log.
func (s *Store) ProbeWrite(ctx context.Context) error {
	err := s.inTx(ctx, func(t *tx) error {
		_, err := t.exec(ctx, fixed(`INSERT INTO crm.write_probe (id, side) VALUES (1, 0)
			ON CONFLICT (id) DO UPDATE SET side = 1 - write_probe.side`))
		return err
	})
	if err != nil {
		return fmt.Errorf("probe a write: %w", err)
	}
	return nil
}
