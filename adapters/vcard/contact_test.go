package vcard_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/adapters/vcard"
	"github.com/omnicrm/omnicrm/crm"
)

func TestVersions(t *testing.T) {
	want := crm.NewContact{
		DisplayName: "Dr. Ana Doe", GivenName: "Ana Maria", FamilyName: "Doe", Company: "Example, Ltd", JobTitle: "Engineer", Birthday: "1958-10-13",
		Emails:    []crm.Email{{Address: "a@example.com", Label: "home"}, {Address: "b@example.com", Label: "work", Primary: true}},
		Phones:    []crm.Phone{{Number: "+1 202 555 0101", Label: "mobile", Primary: true}, {Number: "+1 202 555 0102", Label: "work fax"}},
		Addresses: []crm.Address{{Label: "work", Street: "1 Main St\nFloor 2\nPO Box 7", City: "Springfield", Region: "IL", PostalCode: "62701", Country: "USA"}},
		Websites:  []string{"https://example.com/?a,b"}, Tags: []string{"vip", "a,b"}, Notes: "one\ntwo", Source: "vcard:-//Example//EN", SourceID: "17",
	}
	for name, body := range map[string]string{
		"2.1": "VERSION:2.1\nPRODID:-//Example//EN\nUID:17\nFN:Dr. Ana Doe\nN:Doe;Ana;Maria;Dr.\nORG:Example, Ltd\nTITLE:Engineer\nBDAY:19581013\nEMAIL;INTERNET;HOME:a@example.com\n" +
			"EMAIL;INTERNET;WORK;PREF:b@example.com\nTEL;CELL;PREF;VOICE:+1 202 555 0101\nTEL;WORK;FAX:+1 202 555 0102\nADR;WORK:7;Floor 2;1 Main St;Springfield;IL;62701;USA\n" +
			"LABEL;WORK;ENCODING=QUOTED-PRINTABLE:1 Main St=0D=0ASpringfield, IL\nURL:https://example.com/?a,b\nCATEGORIES:vip,a\\,b\nNOTE;QUOTED-PRINTABLE:one=0D=0Atwo",
		"3.0": "VERSION:3.0\nPRODID:-//Example//EN\nUID:17\nFN:Dr. Ana Doe\nN:Doe;Ana;Maria;Dr.;\nORG:Example\\, Ltd\nTITLE:Engineer\nBDAY;VALUE=date-time:1958-10-13T00:00:00Z\nEMAIL;TYPE=INTERNET,HOME:a@example.com\n" +
			"EMAIL;TYPE=INTERNET;TYPE=work;TYPE=pref:b@example.com\nitem1.TEL;TYPE=pref:+1 202 555 0101\nitem1.X-ABLabel:mobile\nTEL;TYPE=WORK,FAX:+1 202 555 0102\n" +
			"ADR;TYPE=WORK:7;Floor 2;1 Main St;Springfield;IL;62701;USA\nURL:https://example.com/?a\\,b\nCATEGORIES:vip,a\\,b\nNOTE:one\\ntwo",
		"4.0": "VERSION:4.0\nPRODID:-//Example//EN\nUID:17\nFN:Dr. Ana Doe\nN:Doe;Ana;Maria;Dr.;\nORG:Example\\, Ltd\nTITLE:Engineer\nROLE:Engineer\nBDAY:19581013\nEMAIL;PREF=2;TYPE=home:a@example.com\n" +
			"EMAIL;TYPE=work;PREF=1:b@example.com\nTEL;VALUE=uri;TYPE=\"voice,cell\";PREF=1:tel:+1 202 555 0101\nTEL;TYPE=\"work,fax\":+1 202 555 0102\n" +
			"ADR;TYPE=work;LABEL=\"1 Main St^nSpringfield, IL\":7;Floor 2;1 Main St;Springfield;IL;62701;USA\nURL:https://example.com/?a\\,b\nCATEGORIES:vip,a\\,b\nNOTE:one\\ntwo",
	} {
		t.Run(name, func(t *testing.T) {
			got := readAll(t, strings.NewReader(cards(body)), crm.ReadOptions{})[0]
			if !reflect.DeepEqual(got.Contact, want) {
				t.Errorf("contact: got %#v\nwant %#v", got.Contact, want)
			}
			if len(got.Extra) > 0 || len(got.Problems) > 0 {
				t.Errorf("got extra values %q and problems %v, want none", got.Extra, got.Problems)
			}
		})
	}
}

func TestProperties(t *testing.T) {
	for _, tc := range []struct {
		name, body string
		want       crm.NewContact
		extra      []crm.ExtraValue
	}{
		{"a prefix and suffix make the name where there is none", "N:Doe;Ana;;Dr.;Jr.,M.D.", crm.NewContact{DisplayName: "Dr. Ana Doe Jr. M.D.", GivenName: "Ana", FamilyName: "Doe"}, nil},
		{"a prefix that the name lacks is kept", "FN:Ana Doe\nN:Doe;Ana;;Dr.;", crm.NewContact{DisplayName: "Ana Doe", GivenName: "Ana", FamilyName: "Doe"}, []crm.ExtraValue{{Name: "Name prefix", Value: "Dr."}}},
		{
			"another spelling of the name is kept", "N;ALTID=1;LANGUAGE=jp:山田;太郎;;;\nN;ALTID=1;LANGUAGE=en:Yamada;Taro;;;",
			crm.NewContact{GivenName: "太郎", FamilyName: "山田"},
			[]crm.ExtraValue{{Name: "N", Value: "Taro Yamada"}},
		},
		{"a department is kept", "ORG:Example;Research;Lab", crm.NewContact{Company: "Example"}, []crm.ExtraValue{{Name: "Department", Value: "Research"}, {Name: "Department", Value: "Lab"}}},
		{"a role is the title where there is none", "ROLE:Engineer", crm.NewContact{JobTitle: "Engineer"}, nil},
		{"a role beside a title is kept", "TITLE:CEO\nROLE:Engineer", crm.NewContact{JobTitle: "CEO"}, []crm.ExtraValue{{Name: "ROLE", Value: "Engineer"}}},
		{"a birthday without a year", "BDAY:--1013", crm.NewContact{Birthday: "--10-13"}, nil},
		{"a birthday without a year as 3.0 has it", "BDAY:--10-13", crm.NewContact{Birthday: "--10-13"}, nil},
		{"a birthday without a year as Apple has it", "BDAY;X-APPLE-OMIT-YEAR=1604:1604-10-13", crm.NewContact{Birthday: "--10-13"}, nil},
		{"a birthday that is no day is kept", "BDAY:1958-10", crm.NewContact{}, []crm.ExtraValue{{Name: "BDAY", Value: "1958-10"}}},
		{"a birthday that does not exist is kept", "BDAY:19580230", crm.NewContact{}, []crm.ExtraValue{{Name: "BDAY", Value: "19580230"}}},
		{"a label in Apple's frame", "item1.EMAIL:a@example.com\nitem1.X-ABLabel:_$!<Work>!$_", crm.NewContact{Emails: []crm.Email{{Address: "a@example.com", Label: "Work"}}}, nil},
		{"a label of a value without a field", "item1.X-ABDATE:2001-02-03\nitem1.X-ABLabel:Anniversary", crm.NewContact{}, []crm.ExtraValue{{Name: "X-ABDATE (Anniversary)", Value: "2001-02-03"}}},
		{"a label of nothing is kept", "item1.X-ABLabel:Anniversary", crm.NewContact{}, []crm.ExtraValue{{Name: "X-ABLABEL", Value: "Anniversary"}}},
		{"an extension of a link", "TEL;VALUE=uri:tel:+1-202-555-0101;ext=5", crm.NewContact{Phones: []crm.Phone{{Number: "+1-202-555-0101 ext. 5"}}}, nil},
		{"an address as text alone", `LABEL;TYPE=HOME:1 Main St\nSpringfield`, crm.NewContact{Addresses: []crm.Address{{Street: "1 Main St\nSpringfield"}}}, nil},
		{"an address as text that says more", "ADR:;;1 Main St;Springfield;;;\nLABEL:1 Main St\\nSpringfield\\nback door", crm.NewContact{Addresses: []crm.Address{{Street: "1 Main St", City: "Springfield"}}}, []crm.ExtraValue{{Name: "LABEL", Value: "1 Main St\nSpringfield\nback door"}}},
		{"an empty address is none", "ADR;TYPE=HOME:;;;;;;", crm.NewContact{}, nil},
		{"a UID without a PRODID", "UID:urn:uuid:1", crm.NewContact{Source: "vcard:", SourceID: "urn:uuid:1"}, nil},
		{"two notes", "NOTE:a\nNOTE:b", crm.NewContact{Notes: "a\nb"}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := readAll(t, strings.NewReader(cards("VERSION:3.0\n"+tc.body)), crm.ReadOptions{})[0]
			if !reflect.DeepEqual(got.Contact, tc.want) {
				t.Errorf("contact: got %#v\nwant %#v", got.Contact, tc.want)
			}
			if !reflect.DeepEqual(got.Extra, tc.extra) {
				t.Errorf("extra values: got %q, want %q", got.Extra, tc.extra)
			}
		})
	}
}

func TestWrittenCard(t *testing.T) {
	id := crm.NamedID("ana")
	file := string(write(t, crm.Contact{
		ID: id, DisplayName: "Ana, Doe", GivenName: "Ana", FamilyName: "Doe", Stage: crm.StageLead, Source: "manual", Birthday: "--10-13",
		Emails: []crm.Email{{Address: "a@example.com", Label: "work", Primary: true}}, Phones: []crm.Phone{{Number: "1", Label: "Desk", Primary: true}},
		Notes: strings.Repeat("ü", 60), Fields: map[string]any{"size": 1.5}, UpdatedAt: time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC),
	}))
	want := strings.Join([]string{
		"BEGIN:VCARD", "VERSION:4.0", "PRODID:-//OmniCRM//OmniCRM//EN", "UID:urn:uuid:" + id.String(), "X-OMNICRM-ID:" + id.String(), `FN:Ana\, Doe`, "N:Doe;Ana;;;",
		"EMAIL;TYPE=work;PREF=1:a@example.com", "item1.TEL;PREF=1:1", "item1.X-ABLabel:Desk", "BDAY:--1013", "NOTE:" + strings.Repeat("ü", 35), " " + strings.Repeat("ü", 25),
		"X-OMNICRM-STAGE:lead", "X-OMNICRM-SOURCE:manual", "X-OMNICRM-FIELD:size;number;1.5", "REV:20240102T030405Z", "END:VCARD", "",
	}, "\r\n")
	if file != want {
		t.Errorf("got\n%s\nwant\n%s", file, want)
	}
	for line := range strings.SplitSeq(file, "\r\n") {
		if len(line) > 75 {
			t.Errorf("a line has %d bytes, want at most 75", len(line))
		}
	}
}

func TestAnExportSavedByAnotherProgramKeepsItsID(t *testing.T) {
	c := crm.Contact{ID: crm.NamedID("ana"), DisplayName: "Ana", Source: "manual", Stage: crm.StageNone}
	file := strings.Replace(string(write(t, c)), "-//OmniCRM//OmniCRM//EN", "-//Other//EN", 1)
	got := readAll(t, strings.NewReader(file), crm.ReadOptions{})[0]
	if got.ID != c.ID || got.Contact.Source != "manual" || got.Contact.SourceID != "" || len(got.Extra) > 0 {
		t.Errorf("got id %s, source %q %q, extra values %q", got.ID, got.Contact.Source, got.Contact.SourceID, got.Extra)
	}
}

func TestLooksLike(t *testing.T) {
	for file, want := range map[string]bool{
		"BEGIN:VCARD\n": true, "\ufeff\r\nbegin:vcard\r\n": true, "\xff\xfe" + strings.Join(strings.Split("BEGIN:VCARD", ""), "\x00") + "\x00": true, "Name,Email\n": false, "": false,
	} {
		if got := vcard.New().LooksLike([]byte(file)); got != want {
			t.Errorf("%q: got %v, want %v", file, got, want)
		}
	}
}
