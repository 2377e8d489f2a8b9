package main

// mutant is a way of breaking the protocol.
type mutant struct {
	name  string
	edits []edit
}

// edit replaces a text that occurs once in a file of io/run.
type edit struct{ file, old, new string }

var mutants = []mutant{
	{"objects are replaced instead of put if absent", []edit{
		{"output.go", "	return o.store.PutIfAbsent(ctx, o.key(path), func(w io.Writer) error {", "	_ = o.store.Delete(ctx, o.key(path))\n	return o.store.PutIfAbsent(ctx, o.key(path), func(w io.Writer) error {"},
	}},
	{"whoever loses the election of a plan goes on with its own", []edit{
		{"plan.go", "	if err != nil {\n		if plan, err = p.o.Plan(ctx, p.id); err != nil {", "	if err != nil && plan == nil {\n		if plan, err = p.o.Plan(ctx, p.id); err != nil {"},
	}},
	{"a planner whose reply was lost takes its chunks away", []edit{
		{"plan.go", "		p.keep()\n		return nil, fmt.Errorf(", "		return nil, fmt.Errorf("},
	}},
	{"a run that is decided, and not yet published, counts as closed", []edit{
		{"state.go", "return s == StatePublished || s == StateAborted }", "return s == StatePublished || s == StateAborted || s == StateCommitted }"},
	}},
	{"a plan forgets the newest run", []edit{
		{"plan.go", "o.openLedger(ctx, last, withFiles)", "o.openLedger(ctx, max(0, last-1), withFiles)"},
	}},
	{"a listing that breaks off counts as the end of it", []edit{
		{"plan.go", "	if err != nil && !(p.stats.Limited && errors.Is(err, errLimit)) {", "	if err != nil && !(p.stats.Limited && errors.Is(err, errLimit)) && !errors.Is(err, object.ErrTransient) {"},
	}},
	{"whoever decides too late keeps to its own decision", []edit{
		{"decide.go", "	theirs, err := o.decision(ctx, d.RunID)", "	theirs, err := &d, error(nil)"},
		{"part.go", "	if d == nil || !d.Commit {", "	if d == nil {"},
		{"publish.go", "	if d == nil || !d.Commit {", "	if d == nil {"},
	}},
	{"parts are written before the decision", []edit{
		{"decide.go", "	return o.putDecision(ctx, Decision{\n		RunID:  plan.RunID,", "	for _, part := range plan.Parts {\n		if _, err := o.PutPart(ctx, plan, part); err != nil {\n			return Decision{}, err\n		}\n	}\n	return o.putDecision(ctx, Decision{\n		RunID:  plan.RunID,"},
		{"part.go", "	if d == nil || !d.Commit {", "	if d != nil && !d.Commit {"},
	}},
	{"the manifest is written before the parts", []edit{
		{"part.go", "	path := partPath(plan, part.Index)\n	err = o.store.PutIfAbsent(", "	path := partPath(plan, part.Index)\n	if m, _ := o.manifest(ctx, plan.RunID); m == nil {\n		return PublishedPart{Path: path, Rows: want}, nil\n	}\n	err = o.store.PutIfAbsent("},
	}},
	{"a part leaves out its last unit, and says nothing", []edit{
		{"part.go", "	units := plan.Units()[part.FirstUnit : part.FirstUnit+part.Units]\n	err :=", "	units := plan.Units()[part.FirstUnit : part.FirstUnit+max(1, part.Units-1)]\n	err :="},
		{"part.go", "	if rows != want {", "	if rows > want {"},
		{"part.go", "	if counts.Images != want {", "	if counts.Images > want {"},
		{"publish.go", "	if rows != p.Images {", "	if rows < 0 {"},
	}},
	{"a partition is marked before its run is published", []edit{
		{"publish.go", "	if m == nil {\n		if m, err =", "	if m == nil {\n		if err := o.putSuccess(ctx, partFolder(plan.Date)+successName); err != nil {\n			return nil, err\n		}\n		if m, err ="},
	}},
	{"a run cleans up after itself", []edit{
		{"clean.go", "	for id := before - 1; id > 0", "	for id := before; id > 0"},
		{"clean.go", "		if !state.Closed() {\n			return nil\n		}\n", ""},
		{"clean.go", "		state, err := o.Closed(ctx, id)", "		_, err := o.Closed(ctx, id)"},
	}},
	{"a straggler of a published run fails when its unit files are gone", []edit{
		{"part.go", "	if errors.Is(err, object.ErrNotFound) {\n		// A unit", "	if err == nil {\n		// A unit"},
		{"part.go", "	if p, err := o.adoptPart(ctx, plan, part, want); err == nil || !errors.Is(err, object.ErrNotFound) {\n		return p, err\n	}\n", ""},
	}},
	{"of a unit that is there already the rows are not read but guessed", []edit{
		{"unit.go", "	counts, err = o.UnitCounts(ctx, runID, u)\n	if errors.Is(", "	err = nil\n	if errors.Is("},
		{"unit.go", "	if err == nil {\n		return counts, nil\n	}\n	if !errors.Is(err, object.ErrExists)", "	if err != nil && !errors.Is(err, object.ErrExists)"},
	}},
}
