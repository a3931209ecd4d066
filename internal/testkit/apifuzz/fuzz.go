package apifuzz

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/pb33f/libopenapi-validator/config"
)

// Caller is somebody who calls.
type Caller struct {
	Name string
	// SignIn returns the headers that their requests carry. It is asked again when
	// the server does not know them any more. Default none: nobody in particular.
	SignIn func(ctx context.Context) (http.Header, error)
}

// caller is a Caller with what the last sign-in gave.
type caller struct {
	Caller

	headers map[string]string
}

func (c *caller) signIn(ctx context.Context) error {
	if c.SignIn == nil {
		return nil
	}
	header, err := c.SignIn(ctx)
	if err != nil {
		return fmt.Errorf("sign %s in: %w", c.Name, err)
	}
	c.headers = map[string]string{}
	for name := range header {
		c.headers[name] = header.Get(name)
	}
	return nil
}

// Options say what is called, and how.
type Options struct {
	// URL is the root of the server, without a final slash.
	URL string
	// Document is the path of its OpenAPI document. Default /api/v1/openapi.json.
	Document string
	// Seed and Cases fix what is called, as far as the server answers alike: case
	// number i of a seed is drawn from both and from what earlier answers taught.
	// Default 500 cases of seed 0.
	Seed  uint64
	Cases int
	// Callers are those who call, the first with all rights. Default one without
	// credentials.
	Callers []Caller
	// Words are texts that a member or parameter of the name takes, such as a
	// password that is known. Default none.
	Words map[string][]string
	// Forge makes of a cursor that an answer held another one, with whatever a client
	// can put there. Default: bytes of it are changed, which a seal shows.
	Forge func(r *rand.Rand, cursor string) string
	// Shared says that others change what is stored meanwhile: then it is not compared
	// around refusals, and records may be gone at the second look. Default false.
	Shared bool
	// MayFail lists the statuses from 500 on that an operation may answer with, by
	// its id. Default none.
	MayFail map[string][]int
}

// Report is what a run saw.
type Report struct {
	// Cases is how many calls were made, repeats and looks at what is stored not
	// counted; Spoiled how many of them were spoiled, and Refused how many got an
	// answer from 400 on.
	Cases, Spoiled, Refused int
	// Ways counts how often a call was spoiled in each way, and Accepted how often
	// it was answered below 400 all the same.
	Ways, Accepted map[string]int
	// Compared is how often what is stored was compared before and after a refusal.
	Compared int
	// Slowest is the longest that an answer took, streams and uploads left out, and
	// SlowestCase which it was.
	Slowest     time.Duration
	SlowestCase string
	// Answers counts the answers by operation and status.
	Answers map[string]map[int]int
	// Failures say what was wrong, each with the seed, the case and a line for the
	// shell. After 20 the run ends.
	Failures []string
	// Unreached are the operations that never answered below 400.
	Unreached []string
}

const maxFailures = 20

type fuzzer struct {
	options   Options
	transport *http.Transport
	doc       *document
	validator validator.Validator
	pool      *pool
	callers   []*caller
	report    *Report
}

// Run calls the server. An error means that it could not begin or was cancelled;
// what the server did wrong is in the report.
func Run(ctx context.Context, o Options) (*Report, error) {
	if o.Document == "" {
		o.Document = "/api/v1/openapi.json"
	}
	if o.Cases == 0 {
		o.Cases = 500
	}
	if o.Callers == nil {
		o.Callers = []Caller{{}}
	}
	f := &fuzzer{
		options: o, transport: &http.Transport{DisableCompression: true}, pool: &pool{known: map[string][]string{}, seen: map[string]*caller{}, pages: map[string][]listPage{}},
		report: &Report{Answers: map[string]map[int]int{}, Ways: map[string]int{}, Accepted: map[string]int{}},
	}
	defer f.transport.CloseIdleConnections()
	if err := f.begin(ctx); err != nil {
		return nil, err
	}
	for number := range o.Cases {
		if err := f.one(ctx, number); err != nil {
			return nil, fmt.Errorf("seed %d, case %d: %w", o.Seed, number, err)
		}
		if len(f.report.Failures) >= maxFailures {
			break
		}
	}
	for _, op := range f.doc.operations {
		if !slices.ContainsFunc(keysOf(f.report.Answers[op.id]), func(status int) bool { return status < http.StatusBadRequest }) {
			f.report.Unreached = append(f.report.Unreached, op.id)
		}
	}
	return f.report, nil
}

func keysOf(m map[int]int) []int {
	keys := make([]int, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	return keys
}

// begin reads the document and signs in.
func (f *fuzzer) begin(ctx context.Context) error {
	asked, err := http.NewRequestWithContext(ctx, http.MethodGet, f.options.URL+f.options.Document, nil)
	if err != nil {
		return fmt.Errorf("ask for the OpenAPI document: %w", err)
	}
	in, err := f.transport.RoundTrip(asked)
	if err != nil {
		return fmt.Errorf("ask for the OpenAPI document: %w", err)
	}
	defer in.Body.Close() //nolint:errcheck // It was only read.
	text, err := io.ReadAll(in.Body)
	if err != nil || in.StatusCode != http.StatusOK {
		return fmt.Errorf("read the OpenAPI document: status %d: %w", in.StatusCode, err)
	}
	if f.doc, err = readDocument(text); err != nil {
		return err
	}
	model, err := libopenapi.NewDocument(text)
	if err != nil {
		return fmt.Errorf("read the OpenAPI document: %w", err)
	}
	v, errs := validator.NewValidator(model, config.WithFormatAssertions())
	if len(errs) > 0 {
		return fmt.Errorf("read the OpenAPI document: %v", errs)
	}
	f.validator = v
	for _, c := range f.options.Callers {
		known := &caller{Caller: c}
		if err := known.signIn(ctx); err != nil {
			return err
		}
		f.callers = append(f.callers, known)
	}
	return nil
}

// one makes one case: the operations in turn, every time in another order, and
// twice all of them unspoiled, so that there is something to work with.
func (f *fuzzer) one(ctx context.Context, number int) error {
	op, first := f.turn(number)
	d := newDrawer(f.options.Seed, number, f)
	r := d.compose(op, f.callers)
	r.number = number
	if !first && d.oneIn(2) {
		d.spoil(r)
	}
	before := f.lookBefore(ctx, d, r)
	begun := time.Now()
	a, err := f.send(ctx, r)
	if took := time.Since(begun); took > f.report.Slowest && !op.streams() && !op.uploads() {
		f.report.Slowest, f.report.SlowestCase = took, fmt.Sprintf("case %d, %s", number, op.id)
	}
	f.report.Cases++
	if len(r.spoiled) > 0 {
		f.report.Spoiled++
	}
	if err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("call: %w", err)
		}
		if len(r.body) <= maxSure { // The server need not read what it refuses.
			f.fail(r, a, "no whole answer: "+err.Error())
		}
		return nil
	}
	f.count(r, a)
	for _, wrong := range f.check(r, a) {
		f.fail(r, a, wrong)
	}
	f.pool.learn(f.doc, r, a)
	f.follow(ctx, d, r, a)
	if a.status >= http.StatusBadRequest {
		f.report.Refused++
		f.compare(ctx, r, a, before)
	}
	if a.status == http.StatusUnauthorized && !r.foreign {
		return r.caller.signIn(ctx)
	}
	return nil
}

// turn returns whose turn it is, and whether it is one of the first two rounds.
func (f *fuzzer) turn(number int) (op *operation, first bool) {
	n := len(f.doc.operations)
	if round := number / n; round < 2 {
		return f.firstOrder(round)[number%n], true
	}
	list := slices.Clone(f.doc.operations)
	for _, op := range f.doc.operations { // What takes a body has more to go wrong.
		if op.body != nil {
			list = append(list, op, op)
		}
	}
	number -= 2 * n
	d := newDrawer(f.options.Seed, -3-number/len(list), f)
	d.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list[number%len(list)], false
}

// firstOrder is that of the operations in the first rounds: those that make records
// come first and those that take them away last.
func (f *fuzzer) firstOrder(round int) []*operation {
	list := slices.Clone(f.doc.operations)
	d := newDrawer(f.options.Seed, -1-round, f)
	d.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	rank := func(op *operation) int {
		switch {
		case op.method == http.MethodDelete:
			return 3
		case strings.Contains(op.path, "{"):
			return 2
		case op.method == http.MethodPost:
			return 1
		}
		return 0
	}
	slices.SortStableFunc(list, func(a, b *operation) int { return rank(a) - rank(b) })
	return list
}

// maxSure is how many bytes a server surely takes before it refuses; a client that
// still sends may lose the answer.
const maxSure = 64 << 10

func (f *fuzzer) count(r *request, a *answer) {
	for _, way := range r.spoiled {
		f.report.Ways[way]++
		if a.status < http.StatusBadRequest {
			f.report.Accepted[way]++
		}
	}
	if r.lost {
		return
	}
	if f.report.Answers[r.op.id] == nil {
		f.report.Answers[r.op.id] = map[int]int{}
	}
	f.report.Answers[r.op.id][a.status]++
}

// fail writes down what was wrong, so that it can be tried again.
func (f *fuzzer) fail(r *request, a *answer, wrong string) {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d, case %d, %s by %s", f.options.Seed, r.number, r.op.id, r.caller.Name)
	if len(r.spoiled) > 0 {
		fmt.Fprintf(&b, ", spoiled by %s", strings.Join(r.spoiled, " and "))
	}
	fmt.Fprintf(&b, ": %s\n\t%s\n", wrong, r.curl(f.options.URL))
	if a != nil {
		fmt.Fprintf(&b, "\tanswered %d %s: %.1000q", a.status, a.header.Get("Content-Type"), a.body)
	}
	f.report.Failures = append(f.report.Failures, b.String())
}
