package main

import (
	"bytes"
	"path/filepath"
	"testing"
)

func TestQuickstartPrintsWhatItFound(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), filepath.Join(t.TempDir(), "crm.db"), &out); err != nil {
		t.Fatal(err)
	}
	want := `created Zoë Łukasz
imported 3 of 3 rows
cantwel: Maria Cantwell, maria@senate.example
zoe lukasz: Zoë Łukasz, zoe@example.com
224-3441: Maria Cantwell, maria@senate.example
nunez: José Núñez, jose@example.com
太郎: 山田 太郎, taro@example.jp
`
	if got := out.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
