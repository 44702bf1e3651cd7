//! Which groups cannot hold what a query needs, told from keys, dictionaries and origins.

use std::collections::BTreeSet;

use bedrock::Result;

use super::format::{CorePage, GroupMeta};
use super::reader::Block;
use super::values::ValueColumn;
use crate::field::{Field, Intrinsic, Scope};
use crate::model::Attribute;
use crate::source::{Comparison, Condition, Requirement, Test};
use crate::traceql::Value;

impl Block {
    /// Whether a group may hold a trace that fulfils the requirement. True where it takes more than a dictionary to
    /// tell.
    ///
    /// # Errors
    ///
    /// Where a page cannot be read or does not check out.
    pub(crate) fn may_match(&self, group: &GroupMeta, requirement: &Requirement) -> Result<bool> {
        match requirement {
            Requirement::Anything => Ok(true),
            Requirement::Span(conditions) => {
                for condition in conditions {
                    if !self.may_pass(group, condition)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Requirement::All(parts) => {
                for part in parts {
                    if !self.may_match(group, part)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Requirement::Any(parts) => {
                for part in parts {
                    if self.may_match(group, part)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
        }
    }

    fn may_pass(&self, group: &GroupMeta, condition: &Condition) -> Result<bool> {
        for field in &condition.fields {
            let may = match field {
                Field::Attribute(Scope::Resource, key) => {
                    let is_service = &**key == "service.name";
                    is_service || self.resources().iter().any(|resource| has_key(&resource.attributes, key))
                }
                Field::Attribute(scope @ (Scope::Span | Scope::Event | Scope::Link), key) => {
                    self.column_may_pass(group, *scope, key, &condition.test)?
                }
                Field::Attribute(Scope::Instrumentation, key) => {
                    self.scopes().iter().any(|scope| has_key(&scope.attributes, key))
                }
                Field::Intrinsic(Intrinsic::Name) => match wanted_text(&condition.test) {
                    Some(wanted) => has_text(&self.texts(group, CorePage::Names)?, wanted),
                    None => true,
                },
                Field::Intrinsic(_) => true,
            };
            if may {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn column_may_pass(&self, group: &GroupMeta, scope: Scope, key: &str, test: &Test) -> Result<bool> {
        let Some(key) = self.key(key).filter(|key| group.column(scope, *key).is_some()) else {
            return Ok(false);
        };
        let Some(wanted) = wanted_text(test) else { return Ok(true) };
        Ok(self.values(group, scope, key)?.is_some_and(|values| has_text(&values, wanted)))
    }

    /// The attribute keys of a scope in a group.
    pub(crate) fn keys_of(&self, group: &GroupMeta, scope: Scope) -> Result<BTreeSet<&str>> {
        let mut found: BTreeSet<&str> = group
            .columns
            .iter()
            .filter(|column| column.scope == scope)
            .map(|column| self.key_name(column.key))
            .collect();
        let (resources, scopes) = match scope {
            Scope::Resource | Scope::Instrumentation => self.origins(group)?,
            _ => return Ok(found),
        };
        if scope == Scope::Resource {
            let numbers: BTreeSet<u32> = resources.into_iter().collect();
            for resource in numbers.iter().filter_map(|number| self.resources().get(*number as usize)) {
                found.extend(resource.attributes.iter().map(|attribute| attribute.key.as_str()));
            }
        } else {
            let numbers: BTreeSet<u32> = scopes.into_iter().collect();
            for scope in numbers.iter().filter_map(|number| self.scopes().get(*number as usize)) {
                found.extend(scope.attributes.iter().map(|attribute| attribute.key.as_str()));
            }
        }
        Ok(found)
    }
}

fn has_key(attributes: &[Attribute], key: &str) -> bool {
    attributes.iter().any(|attribute| attribute.key == key)
}

/// The text that a value must equal, where the test asks for one.
fn wanted_text(test: &Test) -> Option<&str> {
    match test {
        Test::Compare(Comparison::Equal, Value::Str(text)) => Some(text),
        _ => None,
    }
}

/// Whether a column may hold a text: only a dictionary of texts says no.
fn has_text(values: &ValueColumn, wanted: &str) -> bool {
    match values {
        ValueColumn::Texts { entries, .. } => entries.iter().any(|entry| entry == wanted),
        ValueColumn::Mixed { .. } => true,
        _ => false,
    }
}
