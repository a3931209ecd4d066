package httpapi

import (
	"mime"
	"strconv"
	"strings"
)

// acceptance returns how gladly an Accept header takes a media type: its
// q-value, 0 to 1, by the most particular range that covers it (RFC 9110
// 12.5.1). No header takes everything; a range that cannot be read takes
// nothing.
func acceptance(accept, media string) float64 {
	if strings.TrimSpace(accept) == "" {
		return 1
	}
	main, _, _ := strings.Cut(media, "/")
	best, quality := 0, 0.0
	for part := range strings.SplitSeq(accept, ",") {
		name, parameters, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		how := map[string]int{"*/*": 1, main + "/*": 2, media: 3}[name]
		if how <= best {
			continue
		}
		best, quality = how, 1
		if text, ok := parameters["q"]; ok {
			if quality, err = strconv.ParseFloat(text, 64); err != nil || !(quality >= 0 && quality <= 1) {
				quality = 0
			}
		}
	}
	return quality
}
