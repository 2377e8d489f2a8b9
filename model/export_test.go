package model

// For tests of package model_test.
var (
	ProcessorSpec = processorSpec
	TimmSpec      = timmSpec
)
