package httpapi

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// clientAddress returns the address that a request comes from: the peer, or,
// when the peer is a trusted proxy, the last address of X-Forwarded-For that
// is not one. The zero Addr means that it is not known (a unix socket).
func (h *Handler) clientAddress(r *http.Request) netip.Addr {
	peer := parseAddress(r.RemoteAddr)
	if !h.trusted(peer) {
		return peer
	}
	client := peer
	forwarded := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(forwarded) {
		addr := parseAddress(strings.TrimSpace(hop))
		if !addr.IsValid() {
			break
		}
		client = addr
		if !h.trusted(addr) {
			break
		}
	}
	return client
}

// overTLS reports whether the client's connection is encrypted, here or at a
// trusted proxy.
func (h *Handler) overTLS(r *http.Request) bool {
	if r.TLS != nil || h.publicTLS {
		return true
	}
	if len(h.options.TrustedProxies) == 0 || !h.trusted(parseAddress(r.RemoteAddr)) {
		return false
	}
	protocols := strings.Split(r.Header.Get("X-Forwarded-Proto"), ",")
	return strings.EqualFold(strings.TrimSpace(protocols[len(protocols)-1]), "https")
}

func (h *Handler) trusted(addr netip.Addr) bool {
	if !addr.IsValid() {
		return false
	}
	for _, network := range h.options.TrustedProxies {
		if network.Contains(addr) {
			return true
		}
	}
	return false
}

// parseAddress reads an address with or without a port.
func parseAddress(s string) netip.Addr {
	if withPort, err := netip.ParseAddrPort(s); err == nil {
		return withPort.Addr().Unmap().WithZone("")
	}
	addr, err := netip.ParseAddr(strings.Trim(s, "[]"))
	if err != nil {
		return netip.Addr{}
	}
	return addr.Unmap().WithZone("")
}

// addressKey is what requests before sign-in are counted by. One customer has
// a whole /64 of IPv6, so that counting single addresses would limit nobody.
func addressKey(addr netip.Addr) string {
	if addr.Is6() {
		if network, err := addr.Prefix(64); err == nil {
			return "address:" + network.String()
		}
	}
	return "address:" + addr.String()
}
