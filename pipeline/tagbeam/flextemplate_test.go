package main

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// flexTemplate is the metadata file, decoded.
func flexTemplate(t *testing.T) map[string]any {
	t.Helper()
	var file map[string]any
	if err := json.Unmarshal(deployFile(t, "flex-template.json"), &file); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestFlexTemplate: the metadata of the flex template is what the schema of Google's API has, and the parameters and the launcher's line are flags
// of ours or Beam's.
func TestFlexTemplate(t *testing.T) {
	t.Parallel()
	schema := dataflowSchema(t, "ContainerSpec")
	file := flexTemplate(t)
	if err := schema.Validate(file); err != nil {
		t.Error(err)
	}
	parameters := file["metadata"].(map[string]any)["parameters"].([]any)
	if len(parameters) < 5 || file["sdkInfo"].(map[string]any)["language"] != "GO" {
		t.Errorf("%v", file)
	}
	for _, p := range parameters {
		p := p.(map[string]any)
		knownFlags(t, []string{"tag", "--" + p["name"].(string) + "=1"})
		regexes, _ := p["regexes"].([]any)
		for _, r := range regexes {
			if _, err := regexp.Compile(r.(string)); err != nil {
				t.Errorf("parameter %s: %v", p["name"], err)
			}
		}
	}
	// It is a schema that refuses.
	for name, spoil := range map[string]func(spec, metadata, parameter map[string]any){
		"unknown field":    func(_, m, _ map[string]any) { m["parameter"] = []any{} },
		"no such language": func(s, _, _ map[string]any) { s["sdkInfo"] = map[string]any{"language": "GOLANG"} },
		"no such type":     func(_, _, p map[string]any) { p["paramType"] = "FOLDER" },
		"wrong type":       func(_, _, p map[string]any) { p["isOptional"] = "true" },
		"no help":          func(_, _, p map[string]any) { delete(p, "helpText") },
		"no name":          func(_, m, _ map[string]any) { delete(m, "name") },
	} {
		spoilt := flexTemplate(t)
		metadata := spoilt["metadata"].(map[string]any)
		spoil(spoilt, metadata, metadata["parameters"].([]any)[0].(map[string]any))
		if err := schema.Validate(spoilt); err == nil {
			t.Errorf("%s: the schema lets it pass", name)
		}
	}
	launcher := string(deployFile(t, "flex-template-launch"))
	m := regexp.MustCompile(`(?m)^exec /usr/local/bin/tagbeam (tag .*) "\$@"$`).FindStringSubmatch(launcher)
	if m == nil {
		t.Fatalf("the launcher starts no tagbeam: %s", launcher)
	}
	knownFlags(t, strings.Fields(m[1]))
}

// dataflowSchema is a type of the Dataflow API by its discovery document, which Google's Go client carries with it.
func dataflowSchema(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "google.golang.org/api").Output()
	if err != nil {
		t.Skipf("SKIPPED: no schema of the Dataflow API: go list: %v", err)
	}
	var document struct{ Schemas map[string]any }
	if err := json.Unmarshal(readFile(t, filepath.Join(strings.TrimSpace(string(dir)), "dataflow", "v1b3", "dataflow-api.json")), &document); err != nil {
		t.Fatal(err)
	}
	for _, s := range document.Schemas {
		requireFields(s.(map[string]any))
		closeObjects(s.(map[string]any))
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("dataflow.json", map[string]any{"schemas": plainSchema(document.Schemas)}); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("dataflow.json#/schemas/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// requireFields requires what the descriptions call required: discovery documents have no other word for it.
func requireFields(schema map[string]any) {
	var required []any
	properties, _ := schema["properties"].(map[string]any)
	for name, p := range properties {
		if text, _ := p.(map[string]any)["description"].(string); strings.HasPrefix(text, "Required.") {
			required = append(required, name)
		}
	}
	if len(required) > 0 {
		schema["required"] = required
	}
}

// plainSchema makes JSON schemas of those of a discovery document, which name each other by their bare names, call what may be anything any, and
// have formats and ids of their own.
func plainSchema(v any) any {
	switch v := v.(type) {
	case map[string]any:
		plain := map[string]any{}
		for key, value := range v {
			switch name, _ := value.(string); {
			case key == "$ref":
				plain[key] = "#/schemas/" + name
			case name != "" && key == "id", name != "" && key == "format", key == "type" && name == "any":
			default:
				plain[key] = plainSchema(value)
			}
		}
		return plain
	case []any:
		plain := make([]any, len(v))
		for i := range v {
			plain[i] = plainSchema(v[i])
		}
		return plain
	}
	return v
}
