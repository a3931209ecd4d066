package asynq

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/omnicrm/omnicrm/crm"
)

// payload is what a task carries, as the tool of Asynq shows it. It holds ids
// only: nothing in Redis is personal.
type payload struct {
	Jobs []payloadJob `json:"jobs"`
}

type payloadJob struct {
	Workspace crm.WorkspaceID `json:"workspace"`
	Job       crm.ID          `json:"job"`
}

func encode(tickets []crm.JobTicket) ([]byte, error) {
	p := payload{Jobs: make([]payloadJob, len(tickets))}
	for i, t := range tickets {
		p.Jobs[i] = payloadJob{t.Workspace, t.Job}
	}
	text, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("encode task: %w", err)
	}
	return text, nil
}

func decode(kind crm.JobKind, text []byte) ([]crm.JobTicket, error) {
	var p payload
	if err := json.Unmarshal(text, &p); err != nil {
		return nil, fmt.Errorf("decode task: %w", err)
	}
	if len(p.Jobs) == 0 {
		return nil, errors.New("decode task: it names no job")
	}
	tickets := make([]crm.JobTicket, len(p.Jobs))
	for i, j := range p.Jobs {
		tickets[i] = crm.JobTicket{Workspace: j.Workspace, Job: j.Job, Kind: kind}
	}
	return tickets, nil
}
