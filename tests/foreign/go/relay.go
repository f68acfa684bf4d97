// Relay sends any request of OPC UA Part 4 with gopcua's client, as relay.py asks: a line of JSON in, a line out.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"sync"
	"time"

	"github.com/gopcua/opcua"
	"github.com/gopcua/opcua/ua"
)

const publishWaits = time.Minute

// services: what the script needs.
var services = map[string]ua.Request{
	"Read": &ua.ReadRequest{}, "Write": &ua.WriteRequest{}, "Call": &ua.CallRequest{},
	"CreateSubscription": &ua.CreateSubscriptionRequest{}, "ModifySubscription": &ua.ModifySubscriptionRequest{},
	"SetPublishingMode": &ua.SetPublishingModeRequest{}, "Publish": &ua.PublishRequest{},
	"Republish": &ua.RepublishRequest{}, "TransferSubscriptions": &ua.TransferSubscriptionsRequest{},
	"DeleteSubscriptions": &ua.DeleteSubscriptionsRequest{}, "CreateMonitoredItems": &ua.CreateMonitoredItemsRequest{},
	"ModifyMonitoredItems": &ua.ModifyMonitoredItemsRequest{}, "SetMonitoringMode": &ua.SetMonitoringModeRequest{},
	"SetTriggering": &ua.SetTriggeringRequest{}, "DeleteMonitoredItems": &ua.DeleteMonitoredItemsRequest{},
}

type asked struct {
	ID      int             `json:"id"`
	Do      string          `json:"do"`
	Session string          `json:"session"`
	URL     string          `json:"url"`
	Service string          `json:"service"`
	Request json.RawMessage `json:"request"`
	Node    string          `json:"node"`
	Size    uint32          `json:"size"`
	Count   int             `json:"count"`
	Secure  *security       `json:"secure"`
}

type relay struct {
	mutex   sync.Mutex
	clients map[string]*opcua.Client
	watches map[string]*watch
}

// watch is what gopcua's own subscription loop has delivered.
type watch struct {
	arrived *sync.Cond
	values  []any
}

func main() {
	held := &relay{clients: map[string]*opcua.Client{}, watches: map[string]*watch{}}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 64<<20)
	var printing sync.Mutex
	for lines.Scan() {
		var one asked
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		go func() {
			told := map[string]any{"id": one.ID}
			answer, err := held.answer(one)
			if err != nil {
				told["error"] = err.Error()
			} else {
				told["answer"] = answer
			}
			line, err := json.Marshal(told)
			if err != nil {
				line, _ = json.Marshal(map[string]any{"id": one.ID, "error": err.Error()})
			}
			printing.Lock()
			defer printing.Unlock()
			fmt.Println(string(line))
		}()
	}
}

func (r *relay) answer(one asked) (any, error) {
	ctx := context.Background()
	switch one.Do {
	case "open":
		client, err := connected(ctx, one.URL, one.Secure)
		if err == nil {
			r.keep(one.Session, client)
		}
		return true, err
	case "close":
		return true, r.client(one.Session).Close(ctx)
	case "call":
		return r.call(ctx, one)
	case "watch":
		return r.watch(ctx, one)
	case "watched":
		return r.watchOf(one.Session).seen(one.Count), nil
	}
	return nil, fmt.Errorf("%q is no command", one.Do)
}

// connected gives a client with a session and without gopcua's own publishing loop, which would take the answers.
func connected(ctx context.Context, url string, how *security) (*opcua.Client, error) {
	if how != nil {
		return secured(ctx, url, *how)
	}
	endpoints, err := opcua.GetEndpoints(ctx, url)
	if err != nil {
		return nil, err
	}
	client, err := opcua.NewClient(url, opcua.RequestTimeout(publishWaits), opcua.AutoReconnect(false))
	if err != nil {
		return nil, err
	}
	if err := client.Dial(ctx); err != nil {
		return nil, err
	}
	session := opcua.DefaultSessionConfig()
	session.UserIdentityToken = &ua.AnonymousIdentityToken{PolicyID: anonymous(endpoints)}
	created, err := client.CreateSession(ctx, session)
	if err == nil {
		err = client.ActivateSession(ctx, created)
	}
	if err != nil {
		_ = client.Close(ctx)
		return nil, err
	}
	return client, nil
}

func anonymous(endpoints []*ua.EndpointDescription) string {
	for _, endpoint := range endpoints {
		for _, token := range endpoint.UserIdentityTokens {
			if token.TokenType == ua.UserTokenTypeAnonymous {
				return token.PolicyID
			}
		}
	}
	return ""
}

func (r *relay) call(ctx context.Context, one asked) (any, error) {
	wanted, known := services[one.Service]
	if !known {
		return nil, fmt.Errorf("%q is no service of the script", one.Service)
	}
	request := reflect.New(reflect.TypeOf(wanted).Elem())
	if err := fill(request.Elem(), one.Request); err != nil {
		return nil, err
	}
	var response ua.Response
	err := r.client(one.Session).Send(ctx, request.Interface().(ua.Request), func(told ua.Response) error {
		response = told
		return nil
	})
	var status ua.StatusCode
	if errors.As(err, &status) {
		return map[string]any{"result": uint32(status)}, nil
	}
	if err != nil {
		return nil, err
	}
	told := plain(reflect.ValueOf(response)).(map[string]any)
	told["result"] = uint32(response.Header().ServiceResult)
	return told, nil
}

// watch begins gopcua's own subscription loop, on a connection of its own, and gives the first value.
func (r *relay) watch(ctx context.Context, one asked) (any, error) {
	client, err := opcua.NewClient(one.URL, opcua.AutoReconnect(false))
	if err != nil {
		return nil, err
	}
	if err := client.Connect(ctx); err != nil {
		return nil, err
	}
	_ = r.client(one.Session).Close(ctx)
	r.keep(one.Session, client)
	told := make(chan *opcua.PublishNotificationData, 100)
	parameters := &opcua.SubscriptionParameters{Interval: 50 * time.Millisecond}
	subscription, err := client.Subscribe(ctx, parameters, told)
	if err != nil {
		return nil, err
	}
	node, err := ua.ParseNodeID(one.Node)
	if err != nil {
		return nil, err
	}
	item := opcua.NewMonitoredItemCreateRequestWithDefaults(node, ua.AttributeIDValue, 1)
	item.RequestedParameters.QueueSize = one.Size
	if _, err := subscription.Monitor(ctx, ua.TimestampsToReturnBoth, item); err != nil {
		return nil, err
	}
	held := &watch{arrived: sync.NewCond(&sync.Mutex{})}
	r.mutex.Lock()
	r.watches[one.Session] = held
	r.mutex.Unlock()
	go held.take(told)
	return held.seen(1)[0], nil
}

func (w *watch) take(told <-chan *opcua.PublishNotificationData) {
	for one := range told {
		changes, isData := one.Value.(*ua.DataChangeNotification)
		if !isData {
			continue
		}
		w.arrived.L.Lock()
		for _, item := range changes.MonitoredItems {
			w.values = append(w.values, item.Value.Value.Value())
		}
		w.arrived.L.Unlock()
		w.arrived.Broadcast()
	}
}

func (w *watch) seen(count int) []any {
	w.arrived.L.Lock()
	defer w.arrived.L.Unlock()
	for len(w.values) < count {
		w.arrived.Wait()
	}
	return append([]any{}, w.values...)
}

func (r *relay) keep(name string, client *opcua.Client) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.clients[name] = client
}

func (r *relay) client(name string) *opcua.Client {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.clients[name]
}

func (r *relay) watchOf(name string) *watch {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.watches[name]
}
