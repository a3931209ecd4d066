package main

import (
	"fmt"
	"os"
	"strings"
	"time"
)

// peakMemory watches a process until done is closed and then answers the most
// memory that it had resident, in bytes; 0 where there is no /proc. What the
// system says of an ended process will not do: it counts the memory of the
// parent, which a child shares until it begins its own program.
func peakMemory(pid int, done <-chan struct{}) <-chan int64 {
	peak := make(chan int64, 1)
	go func() {
		var most int64
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-done:
				peak <- most
				return
			case <-tick.C:
				most = max(most, residentPeak(pid))
			}
		}
	}()
	return peak
}

// residentPeak reads VmHWM, which Linux keeps in KiB for each program.
func residentPeak(pid int) int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, rest, found := strings.Cut(string(text), "\nVmHWM:")
	var kib int64
	if !found {
		return 0
	}
	if _, err := fmt.Sscan(rest, &kib); err != nil {
		return 0
	}
	return kib << 10
}
