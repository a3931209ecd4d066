// Package textindex is an in-memory full-text index with typo tolerance. It
// knows documents made of named texts, attributes and numbers, and nothing of
// what they stand for.
//
// # Words
//
// Text is folded ([Fold]) and cut into words ([Words]): lower case, accents
// off, apostrophes vanish, punctuation separates. A run of Han, Kana or Hangul
// is one word. A phone number is one word, its digits.
//
// # What matches
//
// Every word of a query must match some word of the document, in any order. A
// repeated word counts once, but the last word of the query, which matches more,
// is always one of its own. One query word matches a word of the document
//
//   - exactly;
//   - as its prefix, if it is the last word of the query;
//   - by typos, if the query word has 5 to 8 characters (one typo) or at least
//     9 (two typos), none of them a digit. The last word of the query may match
//     a prefix of the word in the same way. Typos are the optimal string
//     alignment distance: insertions, deletions, replacements and swaps of two
//     neighbours, no place edited twice. Words whose first characters differ
//     count one typo more, so that a wrong, missing, added or swapped first
//     letter costs two;
//   - inside, if the query word has at least 4 characters and the field is an
//     Infix field: the query word stands anywhere in the word, without typos.
//
// A run of Han, Kana or Hangul of any length matches every run that contains
// it, in any field: exactly, as a prefix wherever it stands in the query, or
// inside.
//
// Digits match phone numbers: four or more as any run of the number's digits,
// fewer as the whole number or, in the last word, as its beginning. Digit words
// of a query that only phone punctuation separates, such as "(202) 224-3441" or
// "202.224", are joined when they have four or more digits together: such a
// part matches a number that contains the joined run, or else like separate
// words.
//
// # Order of relevance
//
// For each part of the query the best way in which it matches counts. The sums
// over all parts are compared in this order, smaller first:
//
//  1. wholeness: for a part with an "@" inside, 0 if a KindEmail field is
//     exactly it, 1 if it ends the query and a KindEmail field begins with it,
//     else 2; for a part of four or more digits 0 if a phone number is exactly
//     it, else 2; other parts 0;
//  2. class: exact 0, prefix 1, typo 2, inside 3;
//  3. number of typos;
//  4. rank of the field;
//
// and then the larger recency column and the larger id come first. This is a
// total order, the same on every run.
//
// # How it works
//
// Words are kept in a sorted list of blocks with the length of the prefix each
// shares with the one before. A walk with a banded distance matrix over that
// list skips whole subtrees like a trie, at a tenth of its memory. Each word has
// a sorted list of the documents it occurs in with the best field, each document
// the list of its words. Runs inside words are found by 4-grams over the words,
// Han, Kana and Hangul by single characters and pairs, phone numbers by 4-grams
// over the documents. A search starts with the word that promises the fewest
// documents and checks the other words against what is left.
package textindex
