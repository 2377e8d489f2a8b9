package table

// CountRows sums up rows.
func CountRows(rows []Row) Counts {
	var c Counts
	for i := range rows {
		c.addRow(&rows[i])
	}
	return c
}

// Add adds the counts of other rows to c. It keeps nothing of other.
func (c *Counts) Add(other Counts) {
	c.Images += other.Images
	c.OK += other.OK
	c.Abstained += other.Abstained
	c.Failed += other.Failed
	c.Retryable += other.Retryable
	for code, n := range other.Errors {
		increase(&c.Errors, code, n)
	}
	for label, n := range other.Labels {
		increase(&c.Labels, label, n)
	}
}

func (c *Counts) addRow(r *Row) {
	c.Images++
	switch r.Status {
	case StatusOK:
		c.OK++
		increase(&c.Labels, r.Label, 1)
	case StatusAbstained:
		c.Abstained++
	case StatusFailed:
		c.Failed++
		increase(&c.Errors, r.ErrorCode, 1)
		if r.Retryable != nil && *r.Retryable {
			c.Retryable++
		}
	}
}

func increase(m *map[string]int64, key string, n int64) {
	if *m == nil {
		*m = make(map[string]int64)
	}
	(*m)[key] += n
}
