// What the page says of the API's errors, by code and, where that matters, by pointer.

const SENTENCES = {
  "login_failed": "This name and this password do not belong together.",
  "unauthorized": "Your session has ended. Log in again.",
  "tos_not_accepted": "The terms of service have changed: accept them before you change anything.",
  "reached_max_started": "Three projects are started already. Pause or finish one of them first.",
  "invalid_transition": "That is not possible any more: it has changed meanwhile.",
  "record_not_found": "It is gone: somebody has deleted it meanwhile.",
  "too_many_requests": "Too many attempts. Wait a moment, then try again.",
  "taken /project/slug": "You have a project with such a name already.",
  "invalid /project/slug": "Give it a name with some letters or digits.",
  "blank /project/slug": "Give it a name with some letters or digits.",
  "too_long /project/name": "The name may have 100 characters at most.",
  "cannot_be_before_started_at /project/due_at": "The due date lies before the start: choose a later day.",
  "must_be_set /project/due_at": "Choose a due date.",
  "parameter_missing /project/due_at": "Choose a due date.",
  "cannot_be_after_today /project/finished_at": "This computer's clock is ahead of the server's.",
  "parameter_missing": "Write something first.",
  "blank": "It cannot be empty.",
}

export function sentenceFor(error) {
  if (error.status === 0) return "The server cannot be reached. Nothing was changed."
  if (error.status >= 500) return "Something went wrong on the server. Its log knows more."
  return SENTENCES[`${error.code} ${error.pointer}`] ?? SENTENCES[error.code] ?? error.message
}
