package crmtest

import (
	"bytes"
	"fmt"
	"reflect"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

// diff describes the first difference between two values, or returns "". It
// goes through structs, lists, maps and pointers; times are equal when they
// name the same instant and got is in UTC; bytes are compared as bytes; nil
// and empty lists differ only where strict says so.
func diff(got, want any, strict bool) string {
	d := differ{strict: strict}
	return d.compare("", reflect.ValueOf(got), reflect.ValueOf(want))
}

type differ struct{ strict bool }

func (d differ) compare(path string, got, want reflect.Value) string {
	if got.IsValid() != want.IsValid() {
		return say(path, got, want)
	}
	if !got.IsValid() {
		return ""
	}
	if got.Type() != want.Type() {
		return fmt.Sprintf("%s: got type %s, want %s", path, got.Type(), want.Type())
	}
	if at, ok := reflect.TypeAssert[time.Time](want); ok {
		other, _ := reflect.TypeAssert[time.Time](got) // The types are the same.
		return diffTime(path, other, at)
	}
	switch want.Kind() {
	case reflect.Struct:
		return d.structs(path, got, want)
	case reflect.Slice:
		return d.lists(path, got, want)
	case reflect.Map:
		return d.maps(path, got, want)
	case reflect.Pointer, reflect.Interface:
		if got.IsNil() || want.IsNil() {
			if got.IsNil() && want.IsNil() {
				return ""
			}
			return say(path, got, want)
		}
		return d.compare(path, got.Elem(), want.Elem())
	default:
		if got.Interface() != want.Interface() {
			return say(path, got, want)
		}
		return ""
	}
}

func diffTime(path string, got, want time.Time) string {
	if !got.Equal(want) {
		return fmt.Sprintf("%s: got %s, want %s", path, got.Format(time.RFC3339Nano), want.UTC().Format(time.RFC3339Nano))
	}
	if got.Location() != time.UTC {
		return fmt.Sprintf("%s: got a time in zone %s, want UTC", path, got.Location())
	}
	return ""
}

func (d differ) structs(path string, got, want reflect.Value) string {
	for i := range want.NumField() {
		name := want.Type().Field(i).Name
		if path != "" {
			name = path + "." + name
		}
		if s := d.compare(name, got.Field(i), want.Field(i)); s != "" {
			return s
		}
	}
	return ""
}

func (d differ) lists(path string, got, want reflect.Value) string {
	if want.Type().Elem().Kind() == reflect.Uint8 {
		if !bytes.Equal(got.Bytes(), want.Bytes()) {
			return say(path, got, want)
		}
		return ""
	}
	if d.strict && got.IsNil() != want.IsNil() {
		return fmt.Sprintf("%s: got nil is %t, want %t", path, got.IsNil(), want.IsNil())
	}
	if got.Len() != want.Len() {
		return fmt.Sprintf("%s: got %d entries %s, want %d %s", path, got.Len(), short(got), want.Len(), short(want))
	}
	for i := range want.Len() {
		if s := d.compare(fmt.Sprintf("%s[%d]", path, i), got.Index(i), want.Index(i)); s != "" {
			return s
		}
	}
	return ""
}

func (d differ) maps(path string, got, want reflect.Value) string {
	if got.Len() != want.Len() {
		return fmt.Sprintf("%s: got %d entries %s, want %d %s", path, got.Len(), short(got), want.Len(), short(want))
	}
	for _, key := range want.MapKeys() {
		if s := d.compare(fmt.Sprintf("%s[%q]", path, short(key)), got.MapIndex(key), want.MapIndex(key)); s != "" {
			return s
		}
	}
	return ""
}

func say(path string, got, want reflect.Value) string {
	return fmt.Sprintf("%s: got %s, want %s", path, short(got), short(want))
}

// short prints a value in at most 200 bytes or so.
func short(v reflect.Value) string {
	if !v.IsValid() {
		return "nothing"
	}
	s := fmt.Sprintf("%+v", v.Interface())
	if v.Kind() == reflect.String {
		s = fmt.Sprintf("%q", v.String())
	}
	if len(s) > 200 {
		return fmt.Sprintf("%s... (%d bytes)", s[:200], len(s))
	}
	return s
}

// diffContact compares contacts exactly: lists that were nil come back nil.
func diffContact(got, want crm.Contact) string { return diff(got, want, true) }

// contactIDs returns the ids in the order of the contacts.
func contactIDs(contacts []crm.Contact) []crm.ID {
	ids := make([]crm.ID, len(contacts))
	for i, c := range contacts {
		ids[i] = c.ID
	}
	return ids
}
