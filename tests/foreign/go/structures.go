package main

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"
	"unicode"

	"github.com/gopcua/opcua/ua"
)

// extensions: what the script puts into ExtensionObjects.
var extensions = map[string]reflect.Type{
	"DataChangeFilter":       reflect.TypeOf(ua.DataChangeFilter{}),
	"EventFilter":            reflect.TypeOf(ua.EventFilter{}),
	"AggregateFilter":        reflect.TypeOf(ua.AggregateFilter{}),
	"LiteralOperand":         reflect.TypeOf(ua.LiteralOperand{}),
	"ElementOperand":         reflect.TypeOf(ua.ElementOperand{}),
	"SimpleAttributeOperand": reflect.TypeOf(ua.SimpleAttributeOperand{}),
}

var scalars = map[string]reflect.Type{
	"Boolean": reflect.TypeOf(false), "Int16": reflect.TypeOf(int16(0)), "UInt16": reflect.TypeOf(uint16(0)),
	"Int32": reflect.TypeOf(int32(0)), "UInt32": reflect.TypeOf(uint32(0)), "Float": reflect.TypeOf(float32(0)),
	"Double": reflect.TypeOf(float64(0)), "String": reflect.TypeOf(""), "NodeId": reflect.TypeOf(&ua.NodeID{}),
}

// fill makes a structure of JSON. gopcua writes nothing at all for a nil structure, so none is left nil.
func fill(into reflect.Value, given json.RawMessage) error {
	if len(given) == 0 {
		given = json.RawMessage("null")
	}
	switch into.Interface().(type) {
	case *ua.RequestHeader:
		return nil
	case *ua.NodeID:
		return fillNodeID(into, given)
	case *ua.ExtensionObject:
		return fillExtension(into, given)
	case *ua.Variant:
		return fillVariant(into, given)
	case *ua.DataValue:
		return fillDataValue(into, given)
	case time.Time:
		return json.Unmarshal(given, into.Addr().Interface())
	}
	switch into.Kind() {
	case reflect.Pointer:
		into.Set(reflect.New(into.Type().Elem()))
		return fill(into.Elem(), given)
	case reflect.Struct:
		return fillStructure(into, given)
	case reflect.Slice:
		return fillSlice(into, given)
	}
	return json.Unmarshal(given, into.Addr().Interface())
}

func fillStructure(into reflect.Value, given json.RawMessage) error {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(given, &fields); err != nil {
		return err
	}
	delete(fields, "is")
	for at := range into.NumField() {
		name := nameOf(into.Type().Field(at).Name)
		if err := fill(into.Field(at), fields[name]); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		delete(fields, name)
	}
	for name := range fields {
		return fmt.Errorf("%s has no field %s", into.Type(), name)
	}
	return nil
}

func fillSlice(into reflect.Value, given json.RawMessage) error {
	var members []json.RawMessage
	if err := json.Unmarshal(given, &members); err != nil || members == nil {
		return err
	}
	into.Set(reflect.MakeSlice(into.Type(), len(members), len(members)))
	for at, member := range members {
		if err := fill(into.Index(at), member); err != nil {
			return err
		}
	}
	return nil
}

func fillNodeID(into reflect.Value, given json.RawMessage) error {
	var text string
	if err := json.Unmarshal(given, &text); err != nil {
		return err
	}
	if text == "" {
		text = "i=0"
	}
	node, err := ua.ParseNodeID(text)
	into.Set(reflect.ValueOf(node))
	return err
}

func fillExtension(into reflect.Value, given json.RawMessage) error {
	var told *struct {
		Is string `json:"is"`
	}
	if err := json.Unmarshal(given, &told); err != nil || told == nil {
		return err
	}
	kind, known := extensions[told.Is]
	if !known {
		return fmt.Errorf("%q is no structure of the script", told.Is)
	}
	made := reflect.New(kind)
	if err := fill(made.Elem(), given); err != nil {
		return err
	}
	into.Set(reflect.ValueOf(ua.NewExtensionObject(made.Interface())))
	return nil
}

func fillVariant(into reflect.Value, given json.RawMessage) error {
	var told struct {
		Type  string          `json:"type"`
		Value json.RawMessage `json:"value"`
	}
	if err := json.Unmarshal(given, &told); err != nil {
		return err
	}
	kind, known := scalars[told.Type]
	if !known {
		return fmt.Errorf("%q is no type of the script", told.Type)
	}
	if strings.HasPrefix(string(told.Value), "[") {
		kind = reflect.SliceOf(kind)
	}
	held := reflect.New(kind).Elem()
	if err := fill(held, told.Value); err != nil {
		return err
	}
	variant, err := ua.NewVariant(held.Interface())
	into.Set(reflect.ValueOf(variant))
	return err
}

func fillDataValue(into reflect.Value, given json.RawMessage) error {
	var told struct {
		Value json.RawMessage `json:"value"`
	}
	if err := json.Unmarshal(given, &told); err != nil {
		return err
	}
	made := &ua.DataValue{EncodingMask: ua.DataValueValue, Value: &ua.Variant{}}
	into.Set(reflect.ValueOf(made))
	return fill(reflect.ValueOf(&made.Value).Elem(), told.Value)
}

// plain makes of a structure what becomes JSON.
func plain(value reflect.Value) any {
	if value.Kind() == reflect.Interface || value.Kind() == reflect.Pointer {
		if value.IsNil() {
			return nil
		}
	}
	switch held := value.Interface().(type) {
	case *ua.NodeID:
		return held.String()
	case *ua.ExpandedNodeID:
		return held.NodeID.String()
	case *ua.LocalizedText:
		return held.Text
	case *ua.DiagnosticInfo, *ua.ResponseHeader:
		return nil
	case *ua.ExtensionObject:
		return plain(reflect.ValueOf(&held.Value).Elem())
	case *ua.Variant:
		return map[string]any{"type": typeOf(held), "value": plainOrNil(held.Value())}
	case *ua.DataValue:
		return plainDataValue(held)
	case ua.StatusCode:
		return uint32(held)
	case time.Time:
		if held.IsZero() {
			return nil
		}
		return held.UTC().Format("2006-01-02T15:04:05.000000000Z")
	case []byte:
		return held
	}
	switch value.Kind() {
	case reflect.Interface, reflect.Pointer:
		return plain(value.Elem())
	case reflect.Slice:
		members := make([]any, value.Len())
		for at := range members {
			members[at] = plain(value.Index(at))
		}
		return members
	case reflect.Struct:
		fields := map[string]any{"is": value.Type().Name()}
		for at := range value.NumField() {
			fields[nameOf(value.Type().Field(at).Name)] = plain(value.Field(at))
		}
		return fields
	}
	return value.Interface()
}

func plainOrNil(held any) any {
	if held == nil {
		return nil
	}
	return plain(reflect.ValueOf(held))
}

func typeOf(variant *ua.Variant) string {
	return strings.TrimPrefix(variant.Type().String(), "TypeID")
}

func plainDataValue(held *ua.DataValue) map[string]any {
	told := map[string]any{"type": "Null", "value": nil, "status": uint32(held.Status), "source": nil, "server": nil}
	if held.Has(ua.DataValueValue) {
		told["type"], told["value"] = typeOf(held.Value), plainOrNil(held.Value.Value())
	}
	if held.Has(ua.DataValueSourceTimestamp) {
		told["source"] = plain(reflect.ValueOf(held.SourceTimestamp))
	}
	if held.Has(ua.DataValueServerTimestamp) {
		told["server"] = plain(reflect.ValueOf(held.ServerTimestamp))
	}
	return told
}

// nameOf gives the specification's name of a field, which begins in lower case: SubscriptionID is subscriptionId.
func nameOf(field string) string {
	field = strings.ReplaceAll(strings.ReplaceAll(field, "ID", "Id"), "URI", "Uri")
	return string(unicode.ToLower(rune(field[0]))) + field[1:]
}
