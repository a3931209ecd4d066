package crm_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/omnicrm/omnicrm/crm"
)

func (e *env) duplicates() crm.DuplicateReport {
	e.t.Helper()
	j, err := e.Contacts.FindDuplicates(context.Background(), e.owner)
	if err != nil {
		e.t.Fatalf("find duplicates: %v", err)
	}
	var r crm.DuplicateReport
	if err := json.Unmarshal(e.succeeded(j.ID).Result, &r); err != nil {
		e.t.Fatal(err)
	}
	return r
}

func TestDuplicatesAreFoundWithTheirReasons(t *testing.T) {
	t.Parallel()
	e := setup(t)
	ids := map[crm.ID]string{}
	make := func(key string, c crm.NewContact) {
		t.Helper()
		ids[e.create(c).ID] = key
	}
	mail := func(a string) []crm.Email { return []crm.Email{{Address: a}} }
	call := func(n string) []crm.Phone { return []crm.Phone{{Number: n}} }
	make("email 1", crm.NewContact{DisplayName: "Ana Silva", Emails: mail("ana@one.example")})
	make("email 2", crm.NewContact{DisplayName: "A. S.", Emails: mail("ANA@one.example")})
	make("name 1", crm.NewContact{DisplayName: "Bo Łukasz", Company: "Acme"})
	make("name 2", crm.NewContact{DisplayName: "lukasz, BO", Company: "ACME"})
	make("name elsewhere", crm.NewContact{DisplayName: "Bo Lukasz", Company: "Umbrella"})
	make("office 1", crm.NewContact{DisplayName: "Carl Front", Phones: call("+12022243441")})
	make("office 2", crm.NewContact{DisplayName: "Dora Desk", Phones: call("+1 202 224 3441")})
	make("typo 1", crm.NewContact{DisplayName: "Maria Cantwell", Emails: mail("maria@senate.example")})
	make("typo 2", crm.NewContact{DisplayName: "Maria Cantwel", Emails: mail("cantwell@senate.example")})
	make("colleague", crm.NewContact{DisplayName: "Mario Conti", Emails: mail("mario@senate.example")})
	make("crm 1", crm.NewContact{DisplayName: "Eve Two", Emails: mail("eve@two.example"), Source: "gmail", SourceID: "1"})
	make("crm 2", crm.NewContact{DisplayName: "Eve Two", Emails: mail("eve@two.example"), Source: "gmail", SourceID: "2"})
	trashed := e.create(crm.NewContact{DisplayName: "Ana Silva", Emails: mail("ana@one.example")})
	if _, err := e.Contacts.Delete(context.Background(), e.owner, trashed.ID, 0); err != nil {
		t.Fatal(err)
	}
	r := e.duplicates()
	var got []string
	for _, p := range r.Pairs {
		pair := []string{ids[p.A], ids[p.B]}
		slices.Sort(pair)
		got = append(got, fmt.Sprintf("%s: %v %.2f", strings.Join(pair, ", "), p.Reasons, p.Score))
	}
	equalList(t, "pairs", got, []string{
		"email 1, email 2: [same email] 0.90",
		"name 1, name 2: [same name same company] 0.76",
		"typo 1, typo 2: [similar name emails at the same domain] 0.58",
		"office 1, office 2: [same phone number] 0.40",
	})
	equal(t, "contacts and pairs", fmt.Sprint(r.Contacts, r.Found), "12 4")
	_, err := e.Contacts.FindDuplicates(context.Background(), actorOf("acme", "vic", crm.RoleViewer))
	wantError(t, err, crm.ErrForbidden)
	_, err = e.Jobs.Enqueue(context.Background(), e.owner, crm.NewJob{Kind: crm.JobDedupe})
	wantInvalid(t, err, "kind")
}

// TestASearchForDuplicatesIsOnePerWorkspace has nobody work, so that the first
// one waits.
func TestASearchForDuplicatesIsOnePerWorkspace(t *testing.T) {
	t.Parallel()
	e := setup(t, func(c *crm.Config) { c.Workers = -1 })
	first, err := e.Contacts.FindDuplicates(context.Background(), e.owner)
	if err != nil {
		t.Fatal(err)
	}
	_, err = e.Contacts.FindDuplicates(context.Background(), e.owner)
	wantConflict(t, err, crm.ConflictExists)
	if !strings.Contains(fmt.Sprint(err), "waiting or running") || first.Status != crm.JobQueued {
		t.Errorf("got %v, want it to say that one is there", err)
	}
}

func TestManyWhoShareWhatTellsNothing(t *testing.T) {
	t.Parallel()
	e := setup(t)
	const n = 3_000
	e.crowd(n, func(i int, c *crm.NewContact) {
		c.DisplayName, c.Company = "Info", "Acme"
		c.Phones = []crm.Phone{{Number: "+12022243441"}}
	})
	r := e.duplicates()
	equal(t, "contacts", r.Contacts, n)
	equal(t, "reported", len(r.Pairs), 1_000)
	if r.Found > 2*50*49/2 {
		t.Errorf("pairs: got %d, want no more than those of the first 50 of a block", r.Found)
	}
}
