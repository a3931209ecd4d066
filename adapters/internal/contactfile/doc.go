// Package contactfile holds what the file formats of contacts share: finding
// out the character encoding of a file and decoding it as a stream, telling
// text from binary files, and reading the few kinds of values that every
// program writes its own way (birthdays, stages, postal addresses).
//
// Nothing here validates: package crm does. What cannot be read as the kind of
// value it should be is reported as such, so that the format can keep the text.
package contactfile
