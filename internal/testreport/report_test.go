package main

import (
	"bufio"
	"os"
	"strings"
	"testing"
)

const passing = `{"Action":"start","Package":"m/a"}
{"Action":"run","Package":"m/a","Test":"TestOne"}
{"Action":"output","Package":"m/a","Test":"TestOne","Output":"=== RUN   TestOne\n"}
{"Action":"output","Package":"m/a","Test":"TestOne","Output":"    a_test.go:3: chatter\n"}
{"Action":"output","Package":"m/a","Test":"TestOne","Output":"--- PASS: TestOne (0.00s)\n"}
{"Action":"pass","Package":"m/a","Test":"TestOne"}
{"Action":"output","Package":"m/a","Output":"PASS\n"}
{"Action":"output","Package":"m/a","Output":"ok  \tm/a\t0.1s\n"}
{"Action":"pass","Package":"m/a"}
{"Action":"output","Package":"m/b","Output":"?   \tm/b\t[no test files]\n"}
{"Action":"skip","Package":"m/b"}
`

const failing = `{"Action":"output","Package":"m/c","Test":"TestTwo","Output":"=== RUN   TestTwo\n"}
{"Action":"output","Package":"m/c","Test":"TestTwo","Output":"    c_test.go:9: got 1, want 2\n"}
{"Action":"output","Package":"m/c","Test":"TestTwo","Output":"--- FAIL: TestTwo (0.00s)\n"}
{"Action":"fail","Package":"m/c","Test":"TestTwo"}
{"Action":"output","Package":"m/c","Output":"FAIL\tm/c\t0.1s\n"}
{"Action":"fail","Package":"m/c"}
`

const notCompiling = `{"ImportPath":"m/d","Action":"build-output","Output":"d.go:1:1: syntax error\n"}
{"ImportPath":"m/d","Action":"build-fail"}
{"Action":"output","Package":"m/d","Output":"FAIL\tm/d [build failed]\n"}
{"Action":"fail","Package":"m/d","FailedBuild":"m/d"}
`

func skipping(reason string) string {
	return `{"Action":"output","Package":"m/e","Test":"TestData","Output":"=== RUN   TestData\n"}
{"Action":"output","Package":"m/e","Test":"TestData","Output":"    e_test.go:5: ` + reason + `\n"}
{"Action":"output","Package":"m/e","Test":"TestData","Output":"--- SKIP: TestData (0.00s)\n"}
{"Action":"skip","Package":"m/e","Test":"TestData"}
{"Action":"output","Package":"m/e","Output":"ok  \tm/e\t0.1s\n"}
{"Action":"pass","Package":"m/e"}
`
}

func TestReport(t *testing.T) {
	t.Parallel()
	present, absent := t.TempDir(), t.TempDir()+"/absent"
	tests := []struct {
		name   string
		events string
		strict bool
		shared string
		good   bool
		want   string
	}{
		{
			"a passing package is its last line", passing, true, present, true,
			"ok  \tm/a\t0.1s\n?   \tm/b\t[no test files]\n",
		},
		{
			"a failing package is shown whole", failing, false, present, false,
			"    c_test.go:9: got 1, want 2\n--- FAIL: TestTwo (0.00s)\nFAIL\tm/c\t0.1s\n",
		},
		{
			"what does not compile fails with the compiler's words", notCompiling, false, present, false,
			"d.go:1:1: syntax error\nFAIL\tm/d [build failed]\n",
		},
		{
			"a skipped test is named with its reason", skipping("no browser here"), false, present, true,
			"--- SKIP: m/e TestData: e_test.go:5: no browser here\nok  \tm/e\t0.1s\n" +
				"left out: 1 tests, each named in a --- SKIP line above\n",
		},
		{
			"a strict run refuses a skipped test", skipping("no browser here"), true, present, false,
			"--- SKIP: m/e TestData: e_test.go:5: no browser here [refused]\nok  \tm/e\t0.1s\n" +
				"left out: 1 tests, each named in a --- SKIP line above\n" +
				"FAIL: 1 skipped tests may not be left out here\n",
		},
		{
			"a strict run accepts that shared data is absent", skipping("needs " + absent), true, absent, true,
			"--- SKIP: m/e TestData: e_test.go:5: needs " + absent + "\nok  \tm/e\t0.1s\n" +
				"left out: 1 tests, each named in a --- SKIP line above\n",
		},
		{
			"a strict run accepts that it was given no server of a kind that nobody packages", skipping("CRM_TEST_MEILI_URL names no server"), true, present,
			os.Getenv("CRM_TEST_MEILI_URL") == "", map[bool]string{
				true: "--- SKIP: m/e TestData: e_test.go:5: CRM_TEST_MEILI_URL names no server\nok  \tm/e\t0.1s\n" +
					"left out: 1 tests, each named in a --- SKIP line above\n",
				false: "--- SKIP: m/e TestData: e_test.go:5: CRM_TEST_MEILI_URL names no server [refused]\nok  \tm/e\t0.1s\n" +
					"left out: 1 tests, each named in a --- SKIP line above\n" +
					"FAIL: 1 skipped tests may not be left out here\n",
			}[os.Getenv("CRM_TEST_MEILI_URL") == ""],
		},
		{
			"a strict run refuses that excuse where the data is present", skipping("needs " + present), true, present, false,
			"--- SKIP: m/e TestData: e_test.go:5: needs " + present + " [refused]\nok  \tm/e\t0.1s\n" +
				"left out: 1 tests, each named in a --- SKIP line above\n" +
				"FAIL: 1 skipped tests may not be left out here\n",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			r := report{out: bufio.NewWriter(&out), strict: tt.strict, shared: tt.shared}
			good, err := r.read(strings.NewReader(tt.events))
			if err != nil {
				t.Fatal(err)
			}
			if good != tt.good {
				t.Errorf("good: got %t, want %t", good, tt.good)
			}
			if got := out.String(); got != tt.want {
				t.Errorf("output:\ngot  %q\nwant %q", got, tt.want)
			}
		})
	}
}

func TestReportRefusesWhatIsNoEventStream(t *testing.T) {
	t.Parallel()
	for _, in := range []string{"", "ok  \tm/a\t0.1s\n"} {
		r := report{out: bufio.NewWriter(&strings.Builder{})}
		if _, err := r.read(strings.NewReader(in)); err == nil {
			t.Errorf("read %q: got no error, want one", in)
		}
	}
}
