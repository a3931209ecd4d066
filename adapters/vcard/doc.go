// Package vcard reads vCards of the versions 2.1, 3.0 (RFC 2426) and 4.0 (RFC
// 6350) and writes 4.0, card by card, with constant memory.
//
// # Reading
//
// FN, N, ORG, TITLE or ROLE, EMAIL, TEL, ADR, URL, BDAY, CATEGORIES and NOTE
// become the fields of a contact. Labels are the X-ABLabel of the property's
// group, or else its types in lower case ("work fax"; CELL is "mobile"; VOICE,
// INTERNET, PREF and POSTAL say nothing). PREF marks the primary one. The
// source of a contact is "vcard:" and the PRODID, its id there the UID. Every
// other property, a second name, a birthday without a day and the like is an
// extra value under the property's name. Pictures, sounds and keys inside a
// card are not kept: the record names them as dropped, with their size. Text that
// is not in the charset it claims, or claims one that nobody knows, or none in a
// file that is UTF-8 elsewhere, is read as UTF-8 or else as Windows-1252, and the
// record has a note of it. Only a file without one character of UTF-8 is taken
// for Windows-1252 as a whole. What is no UTF-16 in a file of it makes a problem.
//
// A card without END:VCARD, beyond the limit of a record, and lines outside
// cards are problem rows. A card in an AGENT property is an extra value.
//
// # Writing
//
// Lines are folded at 75 bytes and never inside a character. What vCard has no
// property for stands in X-OMNICRM-ID, X-OMNICRM-SOURCE, X-OMNICRM-SOURCE-ID,
// X-OMNICRM-STAGE and X-OMNICRM-FIELD (key;type;value); a contact with control
// characters, which vCard cannot write, carries X-OMNICRM-RECORD with all of it
// as JSON. Reading our own cards, known by their PRODID, gives the same
// contacts; score and times are not restored.
package vcard
