// What the page says of the API's errors, by code and, where that matters, by pointer.

// The API makes a project's address (slug) of its name, and knows only Latin letters for it.
const SLUG =
  "A project name needs at least one Latin letter (a–z) or digit, because the project's address is made from these. " +
  "The rest may be in any script: add one, as in “Сад 1”."

const SENTENCES = {
  "login_failed": "Wrong user name or password.",
  "unauthorized": "Your session has ended. Log in again.",
  "tos_not_accepted": "The terms of service have changed: accept them before you change anything.",
  "reached_max_started": "Three projects are started already. Pause or finish one of them first.",
  "invalid_transition": "That is not possible any more: it has changed meanwhile.",
  "record_not_found": "It is gone: somebody has deleted it meanwhile.",
  "too_many_requests": "Too many attempts. Wait a moment, then try again.",
  "taken /project/slug": "You have a project with such a name already.",
  "invalid /project/slug": SLUG,
  "blank /project/slug": SLUG,
  "too_long /project/name": "The name may have 100 characters at most.",
  "too_long /task/label": "The task name is too long.",
  "cannot_be_before_started_at /project/due_at": "The due date lies before the start: choose a later day.",
  "must_be_set /project/due_at": "Choose a due date.",
  "parameter_missing /project/due_at": "Choose a due date.",
  "cannot_be_after_today /project/finished_at": "This computer's clock is ahead of the server's.",
  "parameter_missing /task": "Enter a task name.",
  "parameter_missing /task/label": "Enter a task name.",
  "parameter_missing /project": "Enter a project name.",
  "parameter_missing /project/name": "Enter a project name.",
  "blank /task/label": "Enter a task name.",
  "blank /project/name": "Enter a project name.",
  "parameter_missing": "Fill in this field.",
  "blank": "Fill in this field.",
}

export function sentenceFor(error) {
  if (error.status === 0) return "The server cannot be reached. Nothing was changed."
  if (error.status >= 500) return "Something went wrong on the server. Its log knows more."
  return SENTENCES[`${error.code} ${error.pointer}`] ?? SENTENCES[error.code] ?? error.message
}
