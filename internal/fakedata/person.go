package fakedata

// Person is one made-up contact. Absent values are empty. All text is valid
// UTF-8 in normal form C, in the script its bearer would use.
type Person struct {
	DisplayName string // never empty
	GivenName   string // with FamilyName empty for a few
	FamilyName  string
	Emails      []Email // none to two; addresses are unique in a generator, ignoring case
	Phones      []Phone // none to two, in the writing people use, most of them valid
	Company     string
	JobTitle    string
	Addresses   []Address // none or one
	Websites    []string  // none or one
	Birthday    string    // as 2006-01-02
	Stage       string    // lead, prospect, customer, advocate or none
	Tags        []string  // none to five, no two alike
	Notes       string    // English sentences, some of several lines
	Source      string    // manual, import, gmail, calendar or api
	AgeDays     int       // how many days ago the contact was added, 0 to 3650, most of them recent
}

// Email is a labelled mail address in a reserved domain.
type Email struct {
	Address string
	Label   string // work or home
}

// Phone is a labelled phone number as someone would have typed it: with its
// country's prefix, or, in the United States and Canada, often without.
type Phone struct {
	Number string
	Label  string // mobile, work or home
}

// Address is a labelled postal address.
type Address struct {
	Label      string // work or home
	Street     string
	City       string
	Region     string // state or province where the country writes it
	PostalCode string
	Country    string // its English name
}

// Company is a made-up employer.
type Company struct {
	Name    string
	Domain  string // under .example
	Website string
	Motto   string
}
