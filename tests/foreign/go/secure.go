package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/gopcua/opcua"
	"github.com/gopcua/opcua/ua"
)

// security is what a client shows and asks for; User is nobody where it is nil.
type security struct {
	Policy      string `json:"policy"`
	Mode        string `json:"mode"`
	Certificate string `json:"certificate"`
	Key         string `json:"key"`
	User        *user  `json:"user"`
}

type user struct {
	Name     string `json:"name"`
	Password string `json:"password"`
}

// secured gives a client with a session over an encrypted or signed channel.
func secured(ctx context.Context, url string, how security) (*opcua.Client, error) {
	endpoints, err := opcua.GetEndpoints(ctx, url)
	if err != nil {
		return nil, err
	}
	endpoint, err := chosen(endpoints, how)
	if err != nil {
		return nil, err
	}
	kind, login := ua.UserTokenTypeAnonymous, opcua.AuthAnonymous()
	if how.User != nil {
		kind, login = ua.UserTokenTypeUserName, opcua.AuthUsername(how.User.Name, how.User.Password)
	}
	client, err := opcua.NewClient(url, opcua.AutoReconnect(false),
		opcua.CertificateFile(how.Certificate), opcua.PrivateKeyFile(how.Key),
		opcua.SecurityFromEndpoint(endpoint, kind), login)
	if err != nil {
		return nil, err
	}
	return client, client.Connect(ctx)
}

func chosen(endpoints []*ua.EndpointDescription, how security) (*ua.EndpointDescription, error) {
	for _, one := range endpoints {
		mode := strings.TrimPrefix(one.SecurityMode.String(), "MessageSecurityMode")
		if strings.HasSuffix(one.SecurityPolicyURI, "#"+how.Policy) && mode == how.Mode {
			return one, nil
		}
	}
	return nil, fmt.Errorf("no endpoint with %s and %s", how.Policy, how.Mode)
}
