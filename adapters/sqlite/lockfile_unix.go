//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package sqlite

import (
	"errors"
	"os"
	"syscall"
)

// canLock tells that processes see each other's locks here.
const canLock = true

type lockWait int

const (
	wait lockWait = iota
	try
)

// lockHandle locks the open file. With try, a lock that another holds is
// errHeld at once.
func lockHandle(f *os.File, mode lockMode, w lockWait) error {
	how := syscall.LOCK_SH
	if mode == exclusive {
		how = syscall.LOCK_EX
	}
	if w == try {
		how |= syscall.LOCK_NB
	}
	for {
		err := syscall.Flock(int(f.Fd()), how)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return errHeld
		}
		return err
	}
}
