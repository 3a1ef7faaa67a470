# Action Cable as a Rails application runs it, on the Redis adapter, without the rest of Rails.
# Like the other servers that ours is compared with, it believes the token's user id unchecked.
require "action_cable"
require "base64"
require "json"
require "logger"

class ApplicationConnection < ActionCable::Connection::Base
  identified_by :current_user

  def connect
    claims = request.env["HTTP_COOKIE"][/Authorization=([^;]+)/, 1].split(".")[1]
    self.current_user = JSON.parse(Base64.urlsafe_decode64(claims))["data"]["user_id"]
  end
end

class NotificationsChannel < ActionCable::Channel::Base
  def subscribed
    stream_from "user.#{current_user}"
  end
end

ActionCable.server.config.cable = { "adapter" => "redis", "url" => ENV.fetch("REDIS_URL") }
ActionCable.server.config.connection_class = -> { ApplicationConnection }
ActionCable.server.config.disable_request_forgery_protection = true
ActionCable.server.config.logger = Logger.new($stderr, level: Logger::ERROR)

run ActionCable.server
