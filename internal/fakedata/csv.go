package fakedata

import (
	"encoding/csv"
	"fmt"
	"io"
	"strings"
)

// csvHeader names the columns of the plain layout.
func csvHeader() []string {
	return []string{
		"First Name", "Last Name", "Display Name", "Email", "Phone", "Company", "Job Title", "Street", "City",
		"Region", "Postal Code", "Country", "Birthday", "Stage", "Tags", "Notes",
	}
}

// WriteCSV draws n people and writes them to w as a file of the plain layout, a
// header and a row each, in constant memory. A row holds the first email, phone
// and address; tags are separated by semicolons. It fails when w does.
func (g *Generator) WriteCSV(w io.Writer, n int) error {
	out := csv.NewWriter(w)
	row := csvHeader()
	if err := out.Write(row); err != nil {
		return fmt.Errorf("write header: %w", err)
	}
	for i := range n {
		if err := out.Write(g.Person().row(row)); err != nil {
			return fmt.Errorf("write row %d: %w", i+1, err)
		}
	}
	out.Flush()
	if err := out.Error(); err != nil {
		return fmt.Errorf("write rows: %w", err)
	}
	return nil
}

// row puts the person's columns into the given slice, in the header's order.
func (p Person) row(into []string) []string {
	var email, phone string
	if len(p.Emails) > 0 {
		email = p.Emails[0].Address
	}
	if len(p.Phones) > 0 {
		phone = p.Phones[0].Number
	}
	var a Address
	if len(p.Addresses) > 0 {
		a = p.Addresses[0]
	}
	return append(into[:0], p.GivenName, p.FamilyName, p.DisplayName, email, phone, p.Company, p.JobTitle, a.Street,
		a.City, a.Region, a.PostalCode, a.Country, p.Birthday, p.Stage, strings.Join(p.Tags, ";"), p.Notes)
}
