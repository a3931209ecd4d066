//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package sqlite

import "os"

// canLock tells that processes do not see each other here: every process
// takes it that it is not alone.
const canLock = false

type lockWait int

const (
	wait lockWait = iota
	try
)

func lockHandle(_ *os.File, _ lockMode, w lockWait) error {
	if w == try {
		return errHeld
	}
	return nil
}
