package archtest_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// maxLines is the length of a file that no reason excuses.
const maxLines = 800

// sourceFile is one Go file of the module and what the checks need of it.
type sourceFile struct {
	path      string // relative to the module
	pkg       string // its folder, relative to the module
	name      string // of the package clause
	test      bool
	generated bool
	lines     int
	imports   []string
	syntax    *ast.File
}

// readModule parses every Go file below root that the go command would see as
// part of the module, in the order of their paths.
func readModule(root fs.FS) ([]sourceFile, error) {
	var files []sourceFile
	err := fs.WalkDir(root, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return skipFolder(root, p, d.Name())
		}
		if !strings.HasSuffix(p, ".go") || strings.HasPrefix(d.Name(), "_") || strings.HasPrefix(d.Name(), ".") {
			return nil
		}
		file, err := readFile(root, p)
		if err != nil {
			return err
		}
		files = append(files, file)
		return nil
	})
	return files, err
}

func skipFolder(root fs.FS, p, name string) error {
	if p == "." {
		return nil
	}
	if strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || name == "testdata" || name == "vendor" {
		return fs.SkipDir
	}
	if _, err := fs.Stat(root, path.Join(p, "go.mod")); err == nil {
		return fs.SkipDir // a module of its own
	}
	return nil
}

func readFile(root fs.FS, p string) (sourceFile, error) {
	text, err := fs.ReadFile(root, p)
	if err != nil {
		return sourceFile{}, fmt.Errorf("read %s: %w", p, err)
	}
	syntax, err := parser.ParseFile(token.NewFileSet(), p, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return sourceFile{}, fmt.Errorf("parse %s: %w", p, err)
	}
	file := sourceFile{
		path:      p,
		pkg:       path.Dir(p),
		name:      syntax.Name.Name,
		test:      strings.HasSuffix(p, "_test.go"),
		generated: ast.IsGenerated(syntax),
		lines:     bytes.Count(text, []byte("\n")),
		syntax:    syntax,
	}
	for _, spec := range syntax.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return sourceFile{}, fmt.Errorf("import %s in %s: %w", spec.Path.Value, p, err)
		}
		file.imports = append(file.imports, imported)
	}
	return file, nil
}

// importName returns the name by which the file refers to the package of the
// standard library, or "" when it does not import it.
func (f sourceFile) importName(imported string) string {
	for _, spec := range f.syntax.Imports {
		if spec.Path.Value != strconv.Quote(imported) {
			continue
		}
		if spec.Name != nil {
			return spec.Name.Name
		}
		return path.Base(imported)
	}
	return ""
}
