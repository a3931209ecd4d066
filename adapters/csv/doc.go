// Package csv reads and writes contacts as comma-separated values, as a stream
// and with constant memory.
//
// # Reading
//
// The encoding (UTF-8, UTF-16 either end, Windows-1252; with or without a byte
// order mark), the delimiter (comma, semicolon, tab or bar), the line ends and
// whether there is a header at all are found out from the first 64 KB. Columns
// get a guessed target by their names: the exports of Google Contacts (the
// layout of today and the one before 2023), Outlook and HubSpot are known, and
// plain tables in many spellings. The caller may replace the guess.
//
// The targets are: displayName, givenName, middleName, familyName, namePrefix,
// nameSuffix, company, jobTitle, birthday, stage, tags, notes, source,
// sourceId, id; emails[i].address, .label, .primary; phones[i].number, .label,
// .primary; websites[i]; addresses[i].label, .street, .city, .region,
// .postalCode, .country, .extended, .poBox, .formatted; custom[i].label and
// .value for columns that stand in pairs; fields.<key>; more (our own surplus
// column); ignore, which drops the column; and "", which keeps the values as
// extra values. i is 0 to 99. Several columns may have the same target: lines of
// a street and of notes are joined, tags united, and of other texts the first
// that is not blank is taken and the rest kept as extra values.
//
// What has no field, or cannot be read as its field wants it (a birthday that
// could be two dates, a stage nobody knows), is an extra value under the name of
// its column. The middle name joins the given name. A prefix or suffix goes into
// the display name where the file has none. A formatted address whose words all
// stand in its parts is dropped, and so is Google's "* myContacts" label, which
// every contact has; labels of numbers that are not there are extra values.
// The "sourceId" of a HubSpot export is its record id, the source "hubspot".
//
// Rows with fewer cells than the header lack the last ones; surplus cells are
// extra values named "Column 7" by their place. Rows without any value are
// skipped. A record beyond the limit, one with a quote that is not closed, and
// one with NUL characters are problem rows. After a quote that is not closed,
// reading goes on in the next line where the lines look like rows.
//
// # Writing
//
// Our own layout has a header with these columns, in UTF-8 without a mark,
// separated by commas, with CRLF at the ends of rows (RFC 4180):
//
//	OmniCRM ID, Display name, Given name, Family name, Company, Job title,
//	Email 1, Email 1 label, ... Email 3 label,
//	Phone 1, Phone 1 label, ... Phone 3 label,
//	Address 1 label, Address 1 street, Address 1 city, Address 1 region,
//	Address 1 postal code, Address 1 country, ... Address 2 country,
//	Website 1, Website 2, Birthday, Stage, Tags, Notes, Source, Source id,
//	Score, Last interaction at, Created at, Updated at, More
//
// Tags are separated by a comma and a space. "More" is a JSON object of what
// the other columns cannot hold: further emails, phones, addresses and
// websites, tags with commas, the custom fields with their types, and which
// email and phone is the primary one where it is not the first. Reading such a
// file gives the same contacts; the score and the times are not read.
//
// A value that begins with = + - @ ', tab or return is written with a ' before
// it, so that no spreadsheet takes it for a formula; phone numbers made of
// digits and phone punctuation are exempt. Reading our own layout, known by its
// column "OmniCRM ID", takes exactly one such ' away, and cells are taken as
// they stand. In other files nothing is taken away but blanks around a value.
package csv
