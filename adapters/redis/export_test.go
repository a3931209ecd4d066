package redis

// Remembered is how many callers this process remembers by itself.
func (l *Limiter) Remembered() int {
	l.local.mu.Lock()
	defer l.local.mu.Unlock()
	return len(l.local.back)
}
