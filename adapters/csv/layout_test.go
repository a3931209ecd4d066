package csv_test

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/omnicrm/omnicrm/adapters/csv"
	"github.com/omnicrm/omnicrm/crm"
)

func TestGoogleOfToday(t *testing.T) {
	const file = "First Name,Middle Name,Last Name,Phonetic First Name,Name Prefix,Name Suffix,Nickname,File As,Organization Name,Organization Title,Organization Department,Birthday,Notes,Photo,Labels," +
		"E-mail 1 - Label,E-mail 1 - Value,E-mail 2 - Label,E-mail 2 - Value,Phone 1 - Label,Phone 1 - Value,Address 1 - Label,Address 1 - Formatted,Address 1 - Street,Address 1 - City,Address 1 - PO Box," +
		"Address 1 - Region,Address 1 - Postal Code,Address 1 - Country,Address 1 - Extended Address,Website 1 - Label,Website 1 - Value,Relation 1 - Label,Relation 1 - Value,Event 1 - Label,Event 1 - Value,Custom Field 1 - Label,Custom Field 1 - Value\n" +
		"Ana,Maria,Doe,Ah-na,Dr.,Jr.,Annie,Doe Ana,Example Ltd,Engineer,R&D, --10-13,Hello,https://example.com/p.jpg,Friends ::: * starred ::: * myContacts," +
		"Home,a@example.com ::: b@example.com,* Work,c@example.com,Mobile,+1 202 555 0101 ::: +1 202 555 0102,Home,\"1 Main St\nFlat 2\nPO Box 7\nSpringfield, IL 62701\nUS\",1 Main St,Springfield,7," +
		"IL,62701,US,Flat 2,Blog,https://ana.example.com,Spouse,Bo,Anniversary,2001-02-03,Shirt,XL\n"
	got := readAll(t, strings.NewReader(file), crm.ReadOptions{})[0]
	want := crm.NewContact{
		DisplayName: "Dr. Ana Maria Doe Jr.", GivenName: "Ana Maria", FamilyName: "Doe", Company: "Example Ltd", JobTitle: "Engineer",
		Emails:   []crm.Email{{Address: "a@example.com", Label: "Home"}, {Address: "b@example.com", Label: "Home"}, {Address: "c@example.com", Label: "Work", Primary: true}},
		Phones:   []crm.Phone{{Number: "+1 202 555 0101", Label: "Mobile"}, {Number: "+1 202 555 0102", Label: "Mobile"}},
		Birthday: "--10-13", Notes: "Hello", Tags: []string{"Friends"}, Websites: []string{"https://ana.example.com"},
		Addresses: []crm.Address{{Label: "Home", Street: "1 Main St\nFlat 2\nPO Box 7", City: "Springfield", Region: "IL", PostalCode: "62701", Country: "US"}},
	}
	if !reflect.DeepEqual(got.Contact, want) {
		t.Errorf("contact: got %#v\nwant %#v", got.Contact, want)
	}
	extra := []crm.ExtraValue{
		{Name: "Phonetic First Name", Value: "Ah-na"},
		{Name: "Nickname", Value: "Annie"},
		{Name: "File As", Value: "Doe Ana"},
		{Name: "Organization Department", Value: "R&D"},
		{Name: "Photo", Value: "https://example.com/p.jpg"},
		{Name: "Labels", Value: "* starred"},
		{Name: "Website 1 - Label", Value: "Blog"},
		{Name: "Relation (Spouse)", Value: "Bo"},
		{Name: "Event (Anniversary)", Value: "2001-02-03"},
		{Name: "Shirt", Value: "XL"},
	}
	if !reflect.DeepEqual(got.Extra, extra) {
		t.Errorf("extra values: got %q\nwant %q", got.Extra, extra)
	}
}

func TestLayouts(t *testing.T) {
	for _, tc := range []struct {
		name, file string
		want       crm.NewContact
		extra      []crm.ExtraValue
	}{
		{
			"Google before 2023",
			"Name,Given Name,Additional Name,Family Name,Name Suffix,Birthday,Notes,Group Membership,E-mail 1 - Type,E-mail 1 - Value,Phone 1 - Type,Phone 1 - Value,Address 1 - Type,Address 1 - Formatted,Organization 1 - Name,Organization 1 - Title\n" +
				"Ana M. Doe,Ana,M.,Doe,,1958-10-13,,* My Contacts ::: Vip,* Work,a@example.com,Home,202-555-0101,Work,\"1 Main St\nSpringfield\",Example Ltd,Engineer\n",
			crm.NewContact{
				DisplayName: "Ana M. Doe", GivenName: "Ana M.", FamilyName: "Doe", Company: "Example Ltd", JobTitle: "Engineer", Birthday: "1958-10-13", Tags: []string{"Vip"},
				Emails: []crm.Email{{Address: "a@example.com", Label: "Work", Primary: true}}, Phones: []crm.Phone{{Number: "202-555-0101", Label: "Home"}},
				Addresses: []crm.Address{{Label: "Work", Street: "1 Main St\nSpringfield"}},
			},
			nil,
		},
		{
			"Google with two addresses in one column",
			"First Name,Labels,E-mail 1 - Value,Address 1 - Label,Address 1 - Formatted,Address 1 - Street,Address 1 - City,Address 1 - Country\nAna,,,Home,\"1 A St, X ::: 2 B St\",1 A St ::: 2 B St,X ::: Y,US ::: CA\n",
			crm.NewContact{GivenName: "Ana", Addresses: []crm.Address{{Label: "Home", Street: "1 A St", City: "X", Country: "US"}, {Label: "Home", Street: "2 B St", City: "Y", Country: "CA"}}},
			nil,
		},
		{
			"Outlook",
			"Title,First Name,Middle Name,Last Name,Suffix,Company,Department,Job Title,Business Street,Business Street 2,Business City,Business State,Business Postal Code,Business Country/Region,Home Street,Home City," +
				"Business Fax,Business Phone,Business Phone 2,Home Phone,Mobile Phone,Anniversary,Birthday,Categories,E-mail Address,E-mail Type,E-mail Display Name,E-mail 2 Address,Notes,Web Page\n" +
				"Ms.,Ana,,Doe,,Example Ltd,R&D,Engineer,1 Main St,Floor 2,Springfield,IL,62701,USA,2 Elm St,Springfield,1-202-555-0100,202-555-0101,202-555-0102,202-555-0103,202-555-0104,0/0/00,3/4/1980," +
				"Vip;New client,a@example.com,SMTP,Ana Doe,b@example.com,\"Hello, you\",https://example.com\n",
			crm.NewContact{
				DisplayName: "Ms. Ana Doe", GivenName: "Ana", FamilyName: "Doe", Company: "Example Ltd", JobTitle: "Engineer", Birthday: "1980-03-04", Tags: []string{"Vip", "New client"},
				Emails: []crm.Email{{Address: "a@example.com"}, {Address: "b@example.com"}},
				Phones: []crm.Phone{
					{Number: "1-202-555-0100", Label: "work fax"},
					{Number: "202-555-0101", Label: "work"},
					{Number: "202-555-0102", Label: "work"},
					{Number: "202-555-0103", Label: "home"},
					{Number: "202-555-0104", Label: "mobile"},
				},
				Addresses: []crm.Address{
					{Label: "work", Street: "1 Main St\nFloor 2", City: "Springfield", Region: "IL", PostalCode: "62701", Country: "USA"}, {Label: "home", Street: "2 Elm St", City: "Springfield"},
				},
				Notes: "Hello, you", Websites: []string{"https://example.com"},
			},
			[]crm.ExtraValue{{Name: "Department", Value: "R&D"}, {Name: "Anniversary", Value: "0/0/00"}, {Name: "E-mail Type", Value: "SMTP"}, {Name: "E-mail Display Name", Value: "Ana Doe"}},
		},
		{
			"HubSpot",
			"Record ID,First Name,Last Name,Email,Phone Number,Mobile Phone Number,Lifecycle Stage,Company name,Job Title,Create Date,Street Address,City,State/Region,Postal Code,Country/Region,Website URL,Lead Status\n" +
				"51,Ana,Doe,a@example.com,202-555-0101,202-555-0102,Marketing Qualified Lead,Example Ltd,Engineer,2024-01-02 10:00,1 Main St,Springfield,IL,62701,US,example.com,New\n",
			crm.NewContact{
				GivenName: "Ana", FamilyName: "Doe", Company: "Example Ltd", JobTitle: "Engineer", Stage: crm.StageLead, Source: "hubspot", SourceID: "51",
				Emails: []crm.Email{{Address: "a@example.com"}}, Phones: []crm.Phone{{Number: "202-555-0101"}, {Number: "202-555-0102", Label: "mobile"}},
				Addresses: []crm.Address{{Street: "1 Main St", City: "Springfield", Region: "IL", PostalCode: "62701", Country: "US"}}, Websites: []string{"example.com"},
			},
			[]crm.ExtraValue{{Name: "Create Date", Value: "2024-01-02 10:00"}, {Name: "Lead Status", Value: "New"}},
		},
		{
			"a plain table with short names",
			"full_name;e-mail;tel;mobile;organisation;title;zip;city;date of birth;stage;groups;remarks;homepage;Favourite colour\nAna Doe;a@example.com, b@example.com;1;2;Example;CEO;1010;Wien;13.10.1958;Evangelist;a, b;hi;example.com;red\n",
			crm.NewContact{
				DisplayName: "Ana Doe", Emails: []crm.Email{{Address: "a@example.com"}, {Address: "b@example.com"}}, Phones: []crm.Phone{{Number: "1"}, {Number: "2", Label: "mobile"}},
				Company: "Example", JobTitle: "CEO", Addresses: []crm.Address{{PostalCode: "1010", City: "Wien"}}, Birthday: "1958-10-13", Stage: crm.StageAdvocate, Tags: []string{"a", "b"},
				Notes: "hi", Websites: []string{"example.com"},
			},
			[]crm.ExtraValue{{Name: "Favourite colour", Value: "red"}},
		},
		{
			"a German table",
			"Name;Vorname;Firma;Straße;PLZ;Ort;Land;Telefon;Handy;E-Mail;Geburtstag\nMüller;Eva;Beispiel GmbH;Hauptstr. 1;10115;Berlin;DE;030 1;0151 2;eva@example.com;1.2.1980\n",
			crm.NewContact{
				FamilyName: "Müller", GivenName: "Eva", Company: "Beispiel GmbH", Addresses: []crm.Address{{Street: "Hauptstr. 1", PostalCode: "10115", City: "Berlin", Country: "DE"}},
				Phones: []crm.Phone{{Number: "030 1"}, {Number: "0151 2", Label: "mobile"}}, Emails: []crm.Email{{Address: "eva@example.com"}}, Birthday: "1980-02-01",
			},
			nil,
		},
		{
			"values that their field does not take",
			"Name,Birthday,Stage,Source,ID\nAna,3/4/1980,Warm,Fair,17\n",
			crm.NewContact{DisplayName: "Ana"},
			[]crm.ExtraValue{{Name: "Birthday", Value: "3/4/1980"}, {Name: "Stage", Value: "Warm"}, {Name: "Source", Value: "Fair"}, {Name: "ID", Value: "17"}},
		},
		{
			"values that are no formulas to us in a file that is not ours",
			"Name,Notes\n'Ana,'=x\n",
			crm.NewContact{DisplayName: "'Ana", Notes: "'=x"},
			nil,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := readAll(t, strings.NewReader(tc.file), crm.ReadOptions{})[0]
			if !reflect.DeepEqual(got.Contact, tc.want) {
				t.Errorf("contact: got %#v\nwant %#v", got.Contact, tc.want)
			}
			if !reflect.DeepEqual(got.Extra, tc.extra) {
				t.Errorf("extra values: got %q\nwant %q", got.Extra, tc.extra)
			}
		})
	}
}

func TestMapping(t *testing.T) {
	const file = "Name,Phone,Phone,Colour\nAna,1,2,red\n"
	columns, _ := readColumns(t, strings.NewReader(file), crm.ReadOptions{})
	want := []crm.ImportColumn{
		{Column: "Name", Target: "displayName", Sample: "Ana"},
		{Column: "Phone", Target: "phones[0].number", Sample: "1"},
		{Column: "Phone", Target: "phones[1].number", Sample: "2"},
		{Column: "Colour", Target: "", Sample: "red"},
	}
	if !reflect.DeepEqual(columns, want) {
		t.Errorf("guess: got %+v, want %+v", columns, want)
	}
	_, records := readColumns(t, strings.NewReader(file), crm.ReadOptions{Mapping: []crm.ImportColumn{
		{Column: "Phone", Target: "ignore"}, {Column: "Phone", Target: "phones[0].number"}, {Column: "Colour", Target: "fields.colour"},
	}})
	contact := crm.NewContact{Phones: []crm.Phone{{Number: "2"}}, Fields: map[string]any{"colour": "red"}}
	if got := records[0]; !reflect.DeepEqual(got.Contact, contact) || !reflect.DeepEqual(got.Extra, []crm.ExtraValue{{Name: "Name", Value: "Ana"}}) {
		t.Errorf("mapped: got %+v with %v, want %+v with the name kept", got.Contact, got.Extra, contact)
	}
	if _, again := readColumns(t, strings.NewReader(file), crm.ReadOptions{Mapping: columns}); again[0].Contact.DisplayName != "Ana" {
		t.Errorf("the guess given back: got %+v", again[0].Contact)
	}
	for name, m := range map[string]crm.ImportColumn{
		"an unknown column":         {Column: "Nome", Target: "displayName"},
		"an unknown target":         {Column: "Name", Target: "displayname"},
		"an index beyond the limit": {Column: "Name", Target: "emails[100].address"},
		"a negative index":          {Column: "Name", Target: "emails[-1].address"},
		"a field without a key":     {Column: "Name", Target: "fields."},
	} {
		t.Run(name+" is refused", func(t *testing.T) {
			_, err := csv.New().NewReader(strings.NewReader(file), crm.ReadOptions{Mapping: []crm.ImportColumn{{Column: "Colour"}, m}})
			var invalid *crm.ValidationError
			if !errors.As(err, &invalid) || invalid.Fields[0].Field != "mapping[1]" {
				t.Errorf("got %v, want a validation error of field mapping[1]", err)
			}
		})
	}
}

func TestFormulasAreWrittenAsText(t *testing.T) {
	c := crm.Contact{
		DisplayName: "=HYPERLINK(1)", GivenName: "+1", FamilyName: "-1", Company: "@x", JobTitle: "'x", Notes: "fine = not first",
		Phones: []crm.Phone{{Number: "+1 (202) 555-0101", Primary: true}, {Number: "=1"}, {Number: "+1;cmd"}},
	}
	file := string(write(t, c))
	_, row, _ := strings.Cut(file, "\r\n")
	want := `,'=HYPERLINK(1),'+1,'-1,'@x,''x,,,,,,,+1 (202) 555-0101,,'=1,,"'+1;cmd",`
	if !strings.HasPrefix(row, want) {
		t.Errorf("row: got %q, want it to begin with %q", row, want)
	}
	got := readAll(t, strings.NewReader(file), crm.ReadOptions{})[0].Contact
	if got.DisplayName != c.DisplayName || got.JobTitle != c.JobTitle || got.Phones[0] != c.Phones[0] || got.Phones[1].Number != "=1" {
		t.Errorf("read back: got %+v", got)
	}
}

func TestOwnLayoutAfterASpreadsheet(t *testing.T) {
	file := string(write(t, crm.Contact{DisplayName: "Ana", Tags: []string{"a", "b"}, Fields: map[string]any{"n": 1.5}}))
	file = strings.Replace(file, "Ana,", "'Ana's,", 1)
	got := readAll(t, strings.NewReader(file), crm.ReadOptions{})[0]
	if got.Contact.DisplayName != "'Ana's" || got.Contact.Fields["n"] != 1.5 {
		t.Errorf("got %+v", got.Contact)
	}
	broken := strings.Replace(file, `{""fields""`, `{""feilds""`, 1)
	got = readAll(t, strings.NewReader(broken), crm.ReadOptions{})[0]
	if want := []crm.ExtraValue{{Name: "More", Value: `{"feilds":{"n":1.5}}`}}; !reflect.DeepEqual(got.Extra, want) {
		t.Errorf("a surplus that is not ours: got %q, want %q", got.Extra, want)
	}
}

func TestRawIsTheContentAndNotThePlace(t *testing.T) {
	raw := func(file string, row int) string {
		return string(readAll(t, strings.NewReader(file), crm.ReadOptions{})[row].Raw)
	}
	same := raw("Name,Email\nAna,a@example.com\n", 0)
	for name, got := range map[string]string{
		"in another row": raw("Name,Email\nBo,b@example.com\nAna,a@example.com\n", 1), "quoted and with CRLF": raw("Name,Email\r\n\"Ana\",a@example.com\r\n", 0),
		"with a delimiter of another kind": raw("Name;Email\nAna;a@example.com\n", 0),
	} {
		if got != same {
			t.Errorf("%s: got another content", name)
		}
	}
	for name, got := range map[string]string{
		"another value": raw("Name,Email\nAna,b@example.com\n", 0), "another column": raw("Name,E-Mail\nAna,a@example.com\n", 0),
		"cells cut elsewhere": raw("Name,Email\nAnaa,@example.com\n", 0),
	} {
		if got == same {
			t.Errorf("%s: got the same content", name)
		}
	}
}

func TestLooksLike(t *testing.T) {
	for file, want := range map[string]bool{
		"Name,Email\nAna,a@example.com\n": true, "Name;Email\nAna;a\n": true, "BEGIN:VCARD\nN:a;b\n": false, `{"a":1,"b":2}`: false,
		"From a@example.com Mon\nTo: x, y\n": false, "\x89PNG\r\n\x1a\n": false, "": false, "just text": false,
	} {
		if got := csv.New().LooksLike([]byte(file)); got != want {
			t.Errorf("%q: got %v, want %v", file, got, want)
		}
	}
	if !csv.New().LooksLike(bytes.Repeat([]byte("a,b\n"), 1024)) {
		t.Error("4 KB of a table are not recognised")
	}
}
