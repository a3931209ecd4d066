package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestTheGuideRuns executes the sh blocks of docs/guide.md in their order, as a
// reader would, beside a server. Where there is no curl the blocks that use it
// are left out, visibly.
func TestTheGuideRuns(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "guide.md"))
	if err != nil {
		t.Fatal(err)
	}
	h := emptyHome(t)
	if err := os.Symlink(binary, h.path("crmserver")); err != nil {
		t.Fatal(err)
	}
	_, noCurl := exec.LookPath("curl")
	h.ok(h.run("migrate"))
	s := h.serve()
	var script strings.Builder
	script.WriteString("set -e\n")
	blocks := 0
	for _, block := range strings.Split(string(text), "```sh\n")[1:] {
		block, _, ok := strings.Cut(block, "\n```")
		if !ok {
			t.Fatalf("a block that does not end: %s", block)
		}
		if noCurl != nil && strings.Contains(block, "curl ") {
			t.Logf("left out, because there is no curl: %s", block)
			continue
		}
		blocks++
		script.WriteString(strings.ReplaceAll(block, "http://127.0.0.1:8080", s.hello.URL) + "\n")
	}
	c := exec.CommandContext(t.Context(), "sh", "-c", script.String())
	c.Dir = h.dir
	c.Env = append(os.Environ(), "CRM_DATA=data", "PATH="+h.dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	out, err := c.CombinedOutput()
	if err != nil || blocks < 5 {
		t.Fatalf("%d blocks: %v\n%s", blocks, err, out)
	}
	for _, want := range []string{
		"Would import 2 rows", "2 created, 0 updated, 0 unchanged", "0 created, 0 updated, 2 unchanged", "Kept in custom fields or notes: 3 values", "Exported 3 contacts",
	} {
		if noCurl == nil && !strings.Contains(string(out), want) {
			t.Errorf("the guide promises %q; it printed\n%s", want, out)
		}
	}
	if noCurl != nil {
		return
	}
	for _, want := range []string{`"displayName":"Maria Cantwell"`, `"displayName":"Zoë Łukasz"`, `"stage":"lead"`, `"jobId":"`, `"status":`} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the guide promises %s; it printed\n%s", want, out)
		}
	}
	if got := h.read("some.csv"); !strings.Contains(got, "Zoë Łukasz") || strings.Contains(got, "Maria") {
		t.Errorf("the export by filter: got %s, want Zoë alone", got)
	}
}
