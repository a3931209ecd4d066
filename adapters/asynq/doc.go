// Package asynq delivers jobs over Redis by hibiken/asynq. It brings ids to
// workers and nothing else: the rows of the store are the truth about every job,
// so that a Redis that is emptied, restarted or away loses none and doubles none.
//
//	queue, err := asynq.Open(ctx, "redis://localhost:6379/0", asynq.Options{})
//	app, err := crm.New(crm.Config{Store: store, Queue: queue})
//
// There is a queue of Asynq for each priority and a task type for each kind of
// job, so that the command-line tool of Asynq shows what waits. A task carries the
// ids of one job, or of up to 100 where jobs of the kind are done fast. Redis
// holds few of them: as many as the workers of all processes took within the last
// fraction of a second. The rest waits in the store, which hands it over fair
// between workspaces.
package asynq
