// A webhook as its form edits it.
import type { Webhook, WebhookDraft } from '$/webhooks/api';

/** What a new webhook starts from: it is told when a version moves to another stage or alias. */
export function newDraft(): WebhookDraft {
  return {
    name: '',
    url: '',
    description: '',
    events: ['model_version.stage_transitioned', 'model_version_alias.moved'],
    format: 'mlflow',
    status: 'ACTIVE',
    secret: undefined,
  };
}

/** A webhook that exists; its secret is never shown and stays as it is. */
export function draftOf(webhook: Webhook): WebhookDraft {
  const { name, url, description, events, format, status } = webhook;
  return { name, url, description, events, format, status, secret: undefined };
}

/** Events with the given one added or taken away. */
export function withEvent(events: string[], event: string, wanted: boolean): string[] {
  const others = events.filter((one) => one !== event);
  return wanted ? [...others, event] : others;
}

/** Why a draft cannot be saved, or nothing. */
export function refusalOf(draft: WebhookDraft): string {
  if (draft.name.trim() === '') return 'Give the webhook a name.';
  if (!/^https?:\/\/\S+$/.test(draft.url.trim())) return 'Give the whole address, such as https://ci.example.com/hook.';
  if (draft.events.length === 0) return 'Choose at least one event.';
  return '';
}
